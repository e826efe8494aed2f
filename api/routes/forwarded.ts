/**
 * What other nodes pass on: commands for runs that this node owns, and questions about them. These
 * routes are between nodes and in no document; what comes here is never passed on again.
 */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bug } from '../../model/errors.ts';
import {
  FORWARDED_COMMANDS,
  FORWARDED_RUNS,
  forwardedAnswerSchema,
  doorCommandSchema,
  taskRangeSchema,
} from '../../protocol/forwarded.ts';
import { BODY_MAX_BYTES } from '../../protocol/route.ts';
import { runViewSchema } from '../../protocol/runs.ts';
import { callerOf } from '../caller.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';
import { unknownRun } from './runs.ts';

/** Only nodes come here (`kernel/authority.ts`), each under the name that its token is made for. */
function senderOf(request: FastifyRequest): string {
  const caller = callerOf(request);
  return caller.kind === 'node' ? caller.name : bug('only nodes come here');
}

export function forwardedRoutes(app: App, context: ApiContext): void {
  const hide = true;
  app.route({
    method: 'POST',
    url: FORWARDED_COMMANDS,
    bodyLimit: BODY_MAX_BYTES,
    schema: { hide, body: doorCommandSchema, response: { 200: forwardedAnswerSchema } },
    handler: (request) => context.door.commands.submit(request.body, senderOf(request)),
  });
  app.route({
    method: 'GET',
    url: `${FORWARDED_RUNS}/:run`,
    schema: {
      hide,
      params: z.object({ run: z.string() }),
      querystring: taskRangeSchema,
      response: { 200: runViewSchema },
    },
    handler: async (request) => {
      const { run } = request.params;
      const view = await context.door.runs.inspect(run, request.query, senderOf(request));
      if (view === null) throw unknownRun(run);
      return view;
    },
  });
}
