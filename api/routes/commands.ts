/**
 * The operator's verbs, one POST each. They answer after commit: what they accepted is durable.
 */
import type { FastifyRequest } from 'fastify';
import {
  forceRequestSchema,
  reasonRequestSchema,
  restartRequestSchema,
  runParamsSchema,
  steerRequestSchema,
  taskParamsSchema,
} from '../../model/request.ts';
import type { By, OperatorCommand, RestartRun } from '../../model/run.ts';
import { acceptedSchema, restartPreviewSchema } from '../../model/wire.ts';
import type { AcceptedAnswer } from '../../model/wire.ts';
import { byOf } from '../actor.ts';
import type { App, Room } from '../house.ts';
import { markOf } from '../idempotency.ts';
import { granted } from '../problem.ts';

async function submit(
  room: Room,
  request: FastifyRequest,
  command: OperatorCommand,
): Promise<AcceptedAnswer> {
  const mark = markOf(request);
  if (mark?.again === true && (await room.views.marked(command.run, mark.id))) {
    return { run: command.run };
  }
  const { run } = granted(await room.door.submit(command));
  return { run };
}

export function commandRoutes(app: App, room: Room): void {
  runVerbs(app, room);
  restartVerbs(app, room);
  plainTaskVerbs(app, room);
  choosingTaskVerbs(app, room);
}

function runVerbs(app: App, room: Room): void {
  const schema = {
    tags: ['commands'],
    params: runParamsSchema,
    body: reasonRequestSchema,
    response: { 200: acceptedSchema },
  };
  const verbs = { hold: 'HoldRun', release: 'ReleaseRun', cancel: 'CancelRun' } as const;
  for (const [verb, type] of Object.entries(verbs)) {
    app.post(`/runs/:run/${verb}`, { schema }, async (request) =>
      submit(room, request, {
        type,
        run: request.params.run,
        by: byOf(request, request.body?.reason),
      }),
    );
  }
}

function restartCommand(
  run: string,
  body: typeof restartRequestSchema._zod.output,
  by: By,
): RestartRun {
  return {
    type: 'RestartRun',
    run,
    by,
    ...(body?.from === undefined ? {} : { from: body.from }),
    ...(body?.version === undefined ? {} : { version: body.version }),
    ...(body?.mapping === undefined ? {} : { mapping: body.mapping }),
  };
}

function restartVerbs(app: App, room: Room): void {
  const request = { tags: ['commands'], params: runParamsSchema, body: restartRequestSchema };
  app.post(
    '/runs/:run/restart',
    { schema: { ...request, response: { 200: acceptedSchema } } },
    async (call) =>
      submit(room, call, restartCommand(call.params.run, call.body, byOf(call, call.body?.reason))),
  );
  app.post(
    '/runs/:run/restart-preview',
    { schema: { ...request, response: { 200: restartPreviewSchema } } },
    async (call) =>
      granted(
        await room.door.preview(
          restartCommand(call.params.run, call.body, byOf(call, call.body?.reason)),
        ),
      ),
  );
}

function plainTaskVerbs(app: App, room: Room): void {
  const schema = {
    tags: ['commands'],
    params: taskParamsSchema,
    body: reasonRequestSchema,
    response: { 200: acceptedSchema },
  };
  const verbs = {
    hold: { type: 'HoldTask' },
    release: { type: 'ReleaseTask' },
    skip: { type: 'SkipTask' },
    rerun: { type: 'RerunTask' },
    approve: { type: 'DecideApproval', decision: 'approve' },
    reject: { type: 'DecideApproval', decision: 'reject' },
  } as const;
  for (const [verb, command] of Object.entries(verbs)) {
    app.post(`/runs/:run/tasks/:task/${verb}`, { schema }, async (request) =>
      submit(room, request, {
        ...command,
        ...request.params,
        by: byOf(request, request.body?.reason),
      }),
    );
  }
}

function choosingTaskVerbs(app: App, room: Room): void {
  const answer = {
    tags: ['commands'],
    params: taskParamsSchema,
    response: { 200: acceptedSchema },
  };
  app.post(
    '/runs/:run/tasks/:task/force',
    { schema: { ...answer, body: forceRequestSchema } },
    async (request) => {
      const { as, output, reason } = request.body;
      return submit(room, request, {
        type: 'ForceTask',
        ...request.params,
        as,
        ...(output === undefined ? {} : { output }),
        by: byOf(request, reason),
      });
    },
  );
  app.post(
    '/runs/:run/tasks/:task/steer',
    { schema: { ...answer, body: steerRequestSchema } },
    async (request) =>
      submit(room, request, {
        type: 'SteerRun',
        ...request.params,
        to: request.body.to,
        by: byOf(request, request.body.reason),
      }),
  );
}
