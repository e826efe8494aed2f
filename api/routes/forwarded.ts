/**
 * What other nodes pass on: commands for runs that this node owns, and questions about them. These
 * routes are between nodes and in no document; what comes here is never passed on again.
 */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TuttiError } from '../../model/errors.ts';
import {
  FORWARDED_BY,
  FORWARDED_COMMANDS,
  FORWARDED_RUNS,
  forwardedAnswerSchema,
  doorCommandSchema,
} from '../../model/forwarded.ts';
import { BODY_MAX_BYTES } from '../../model/routes/route.ts';
import { runViewSchema } from '../../model/wire.ts';
import type { App, Room } from '../house.ts';
import { unknownRun } from './runs.ts';

function senderOf({ headers }: FastifyRequest): string {
  const name = headers[FORWARDED_BY];
  if (typeof name === 'string' && name !== '') return decodeURIComponent(name);
  throw new TuttiError('request.invalid', `Only nodes call this, with the header ${FORWARDED_BY}.`);
}

export function forwardedRoutes(app: App, room: Room): void {
  const hide = true;
  app.route({
    method: 'POST',
    url: FORWARDED_COMMANDS,
    bodyLimit: BODY_MAX_BYTES,
    schema: { hide, body: doorCommandSchema, response: { 200: forwardedAnswerSchema } },
    handler: (request) => room.door.submit(request.body, senderOf(request)),
  });
  app.route({
    method: 'GET',
    url: `${FORWARDED_RUNS}/:run`,
    schema: { hide, params: z.object({ run: z.string() }), response: { 200: runViewSchema } },
    handler: async (request) => {
      const { run } = request.params;
      const view = await room.door.inspect(run, senderOf(request));
      if (view === null) throw unknownRun(run);
      return view;
    },
  });
}
