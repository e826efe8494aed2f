/**
 * The operator's verbs, one POST each. They answer after commit: what they accepted is durable.
 */
import type { FastifyRequest } from 'fastify';
import type { restartRequestSchema } from '../../protocol/commands.ts';
import { ROUTES } from '../../protocol/routes.ts';
import type { By, OperatorCommand, RestartRun } from '../../model/run.ts';
import type { AcceptedAnswer } from '../../protocol/runs.ts';
import { byOf } from '../actor.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';
import { markOf } from '../idempotency.ts';
import { granted } from '../problem.ts';

async function submit(
  context: ApiContext,
  request: FastifyRequest,
  command: OperatorCommand,
): Promise<AcceptedAnswer> {
  const mark = markOf(request);
  if (mark?.again === true && (await context.views.marked(command.run, mark.id))) {
    return { run: command.run };
  }
  const { run } = granted(await context.door.commands.submit(command));
  return { run };
}

export function commandRoutes(app: App, context: ApiContext): void {
  runVerbs(app, context);
  restartVerbs(app, context);
  repairVerb(app, context);
  plainTaskVerbs(app, context);
  choosingTaskVerbs(app, context);
}

function runVerbs(app: App, context: ApiContext): void {
  const verbs = [
    [ROUTES.holdRun, 'HoldRun'],
    [ROUTES.releaseRun, 'ReleaseRun'],
    [ROUTES.cancelRun, 'CancelRun'],
  ] as const;
  for (const [route, type] of verbs) {
    app.route({
      ...route,
      handler: async (request) =>
        submit(context, request, {
          type,
          run: request.params.run,
          by: byOf(request, request.body?.reason),
        }),
    });
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

function restartVerbs(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.restartRun,
    handler: async (call) =>
      submit(
        context,
        call,
        restartCommand(call.params.run, call.body, byOf(call, call.body?.reason)),
      ),
  });
  app.route({
    ...ROUTES.previewRestart,
    handler: async (call) =>
      granted(
        await context.door.runs.preview(
          restartCommand(call.params.run, call.body, byOf(call, call.body?.reason)),
        ),
      ),
  });
}

function repairVerb(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.repairRun,
    handler: async (request) => {
      const { reason, preview = false } = request.body ?? {};
      return granted(
        await context.door.repairs.repair(request.params.run, byOf(request, reason), preview),
      );
    },
  });
}

function plainTaskVerbs(app: App, context: ApiContext): void {
  const verbs = [
    [ROUTES.holdTask, { type: 'HoldTask' }],
    [ROUTES.releaseTask, { type: 'ReleaseTask' }],
    [ROUTES.skipTask, { type: 'SkipTask' }],
    [ROUTES.rerunTask, { type: 'RerunTask' }],
    [ROUTES.approveTask, { type: 'DecideApproval', decision: 'approve' }],
    [ROUTES.rejectTask, { type: 'DecideApproval', decision: 'reject' }],
  ] as const;
  for (const [route, command] of verbs) {
    app.route({
      ...route,
      handler: async (request) =>
        submit(context, request, {
          ...command,
          ...request.params,
          by: byOf(request, request.body?.reason),
        }),
    });
  }
}

function choosingTaskVerbs(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.forceTask,
    handler: async (request) => {
      const { as, output, reason } = request.body;
      return submit(context, request, {
        type: 'ForceTask',
        ...request.params,
        as,
        ...(output === undefined ? {} : { output }),
        by: byOf(request, reason),
      });
    },
  });
  app.route({
    ...ROUTES.steerTask,
    handler: async (request) =>
      submit(context, request, {
        type: 'SteerTask',
        ...request.params,
        to: request.body.to,
        by: byOf(request, request.body.reason),
      }),
  });
}
