/**
 * Runs: start, list, look. Lists come from the journal's views; one run comes from the door,
 * because only the door knows what has not been written yet (what runs now, and why the rest waits).
 */
import { TuttiError } from '../../model/errors.ts';
import { ROUTES } from '../../protocol/routes.ts';
import type { Deployed } from '../../protocol/workflows.ts';
import { ALIVE, type RunSummary, type RunView, type TaskView } from '../../model/run.ts';
import type { RunFilterAsked } from '../../protocol/bulk.ts';
import type { BulkFilter } from '../../journal/bulks.ts';
import type { WhyTask } from '../../protocol/tasks.ts';
import { FIRST_TASKS, type TaskRange } from '../../model/task-range.ts';
import { byOf, traceOf } from '../actor.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';
import { markOf } from '../idempotency.ts';
import { granted } from '../problem.ts';
import { deploy } from './workflows.ts';

const ALIVE_STATUSES: ReadonlySet<string> = new Set(ALIVE);

export function unknownRun(run: string): TuttiError {
  return new TuttiError('run.unknown', `There is no run ${JSON.stringify(run)}.`);
}

async function inspect(context: ApiContext, run: string, range: TaskRange): Promise<RunView> {
  const view = await context.door.runs.inspect(run, range);
  if (view === null) throw unknownRun(run);
  return view;
}

async function inspectTask(context: ApiContext, run: string, task: string): Promise<TaskView> {
  const view = await inspect(context, run, { task, ...FIRST_TASKS });
  const found = view.taskViews.find((one) => one.task === task);
  if (found !== undefined) return found;
  throw new TuttiError('task.unknown', `Run ${run} has no task ${JSON.stringify(task)}.`);
}

function why(task: TaskView): WhyTask {
  return { task: task.task, status: task.status, gates: task.gates };
}

async function byPrefix(context: ApiContext, prefix: string): Promise<RunSummary[]> {
  const ids = await context.views.runsByPrefix(prefix);
  const found = await Promise.all(ids.map((id) => context.views.run(id)));
  return found.filter((one) => one !== null);
}

/** The filter of a list or a bulk command, as the journal takes it. */
export function filterOf(asked: RunFilterAsked): BulkFilter {
  const { status, workflow, key, parent, businessDate, from, until } = asked;
  return {
    ...(status === undefined ? {} : { statuses: status }),
    ...(workflow === undefined ? {} : { workflow }),
    ...(key === undefined ? {} : { key }),
    ...(parent === undefined ? {} : { parent }),
    ...(businessDate === undefined ? {} : { businessDate }),
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
  };
}

export function runRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.listRuns,
    handler: async (request) => {
      const { id, after, limit, ...filter } = request.query;
      if (id !== undefined) return { items: await byPrefix(context, id), next: null };
      return context.views.runs({
        limit,
        ...filterOf(filter),
        ...(after === undefined ? {} : { after }),
      });
    },
  });
  startRoute(app, context);
  lookingRoutes(app, context);
  whyRoutes(app, context);
}

function startable({ workflow, pool, version }: Deployed): { workflow: string; version: number } {
  if (workflow !== undefined) return { workflow, version };
  throw new TuttiError('request.invalid', `The file holds the pool "${pool}", not a workflow.`);
}

function startRoute(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.startRun,
    handler: async (request, reply) => {
      const { body } = request;
      const by = byOf(request, body.reason);
      const source = body.source;
      const target =
        source === undefined
          ? { workflow: body.workflow ?? '', version: body.version }
          : startable(
              await deploy(context, { source, file: body.file, directory: body.directory }, by),
            );
      const mark = markOf(request);
      const begun = mark?.again === true && (await context.views.run(mark.id)) !== null;
      const { run } = begun
        ? { run: mark.id }
        : granted(
            await context.door.commands.start({
              ...(mark === undefined ? {} : { run: mark.id }),
              workflow: target.workflow,
              ...(target.version === undefined ? {} : { version: target.version }),
              inputs: body.inputs,
              ...(body.key === undefined ? {} : { key: body.key }),
              ...(body.businessDate === undefined ? {} : { businessDate: body.businessDate }),
              ...traceOf(request),
              by,
            }),
          );
      return reply
        .code(201)
        .header('location', `/api/v1/runs/${encodeURIComponent(run)}`)
        .send({ run });
    },
  });
}

function lookingRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.getRun,
    handler: async (request) => inspect(context, request.params.run, FIRST_TASKS),
  });
  app.route({
    ...ROUTES.listTasks,
    handler: async (request) => {
      const { taskViews, next } = await inspect(context, request.params.run, request.query);
      return { items: taskViews, next: next ?? null };
    },
  });
  app.route({
    ...ROUTES.getTask,
    handler: async (request) => inspectTask(context, request.params.run, request.params.task),
  });
}

function whyRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.explainRun,
    handler: async (request) => {
      const range = { ...request.query, open: true };
      const { id, status, aside, taskViews, next } = await inspect(
        context,
        request.params.run,
        range,
      );
      return {
        run: id,
        status,
        tasks: taskViews.filter((task) => ALIVE_STATUSES.has(task.status)).map(why),
        ...(aside !== undefined && { aside }),
        ...(next !== undefined && { next }),
      };
    },
  });
  app.route({
    ...ROUTES.explainTask,
    handler: async (request) =>
      why(await inspectTask(context, request.params.run, request.params.task)),
  });
}
