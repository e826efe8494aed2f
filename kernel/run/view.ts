/** A run as people see it: derived from the fold on demand, so it can never lag behind. */
import type { RunStatus, RunSummary, RunView, TaskView } from '../../model/run.ts';
import { ExpressionError } from '../../language/expression.ts';
import { ALL_TASKS, type TaskRange } from '../../model/task-range.ts';
import { edgesTo, taskAt } from './graph.ts';
import { gatesOf, type Overlay } from './gates.ts';
import { definitionOf, indexOf, isMapped, nodeAt, refOf } from './nodes.ts';
import { scopeOf } from './scope.ts';
import type { Node, RunState } from './state.ts';
import { skipReasonOf } from './skipped.ts';
import { statusOf } from './status.ts';

export function runStatusOf(state: RunState): RunStatus {
  if (state.end !== undefined) return state.end.end;
  if (state.cancel !== undefined) return 'cancelling';
  return state.hold === undefined ? 'running' : 'held';
}

function summaryOf(state: RunState): RunSummary {
  return {
    id: state.id,
    workflow: state.workflow,
    version: state.version,
    status: runStatusOf(state),
    ...(state.key !== undefined && { key: state.key }),
    ...(state.businessDate !== undefined && { businessDate: state.businessDate }),
    ...(state.parent !== undefined && { parent: state.parent }),
    by: state.by,
    createdAt: state.createdAt,
    ...(state.end !== undefined && { endedAt: state.end.at }),
    tasks: { total: state.nodes.length, ended: state.ended, failed: state.failed },
  };
}

export function viewOf(state: RunState, overlay: Overlay, range: TaskRange = ALL_TASKS): RunView {
  const title = state.definition.title;
  const { taskViews, next } = tasksOf(state, overlay, range);
  return {
    ...summaryOf(state),
    ...(title !== undefined && { title }),
    inputs: state.inputs,
    ...(state.end?.output !== undefined && { output: state.end.output }),
    ...(state.end?.failure !== undefined && { failure: state.end.failure }),
    ...(state.hold !== undefined && { held: state.hold }),
    taskViews,
    ...(next < state.nodes.length && { next: String(next) }),
  };
}

/** In characters, about: as much is made, written and read again in some milliseconds. */
const PAGE_SIZE = 4_000_000;
const SIZE_OF_TASK = 100;

function tasksOf(state: RunState, overlay: Overlay, range: TaskRange) {
  const { task, after, limit, open = false } = range;
  const taskViews: TaskView[] = [];
  if (task !== undefined) {
    const index = indexOf(state, task);
    if (index !== undefined) taskViews.push(taskView(state, index, overlay));
    return { taskViews, next: Infinity };
  }
  const most = limit === Infinity ? Infinity : PAGE_SIZE;
  let next = after;
  for (let size = 0; next < state.nodes.length; next++) {
    if (taskViews.length >= limit || size > most) break;
    if (open && nodeAt(state, next).status.name === 'ended') continue;
    const view = taskView(state, next, overlay);
    if (most !== Infinity) size += sizeOf(view);
    taskViews.push(view);
  }
  return { taskViews, next };
}

function sizeOf({ output, values, failure, job, needs, gates }: TaskView): number {
  const parts = [output, values, failure, job].filter((part) => typeof part === 'object');
  const text = typeof output === 'string' ? output.length : 0;
  const data = parts.length === 0 ? 0 : JSON.stringify(parts).length;
  return SIZE_OF_TASK + text + data + (needs.length + gates.length) * SIZE_OF_TASK;
}

export function taskView(state: RunState, index: number, overlay: Overlay): TaskView {
  const node = nodeAt(state, index);
  const definition = definitionOf(state, node);
  const status = statusOf(state, node);
  const title = titleOf(state, node);
  const skipReason = skipReasonOf(state, index);
  const runningSince = status === 'queued' ? overlay.runningSince(index) : undefined;
  return {
    task: refOf(state, index),
    ...(title !== undefined && { title }),
    kind: definition.body.kind === 'action' ? definition.body.action : definition.body.kind,
    status: runningSince === undefined ? status : 'running',
    attempt: node.attempt,
    ...(runningSince !== undefined && { startedAt: runningSince }),
    ...statusFields(node),
    ...(isMapped(definition, node) &&
      node.items !== undefined && { items: progressOf(node.items) }),
    ...(skipReason !== undefined && { skipReason }),
    needs: needsOf(state, index, node),
    gates: gatesOf(state, index, overlay),
  };
}

function progressOf({ values, ended, failed }: NonNullable<Node['items']>) {
  return { total: values.length, ended, failed } satisfies TaskView['items'];
}

function needsOf(state: RunState, index: number, node: Node): string[] {
  if (node.item !== undefined) return [];
  const names = edgesTo(state.graph, index).map(({ from }) => taskAt(state.graph, from).name);
  return [...new Set(names)];
}

function titleOf(state: RunState, node: Node): string | undefined {
  const definition = definitionOf(state, node);
  if (definition.body.kind !== 'approve') return definition.title;
  try {
    const template = state.expressions.single(definition.body.title);
    return String((template.render(scopeOf(state, template.tasks, node)) as readonly unknown[])[0]);
  } catch (error) {
    if (error instanceof ExpressionError) return definition.body.title;
    throw error;
  }
}

type StatusFields = Partial<
  Pick<
    TaskView,
    | 'startedAt'
    | 'endedAt'
    | 'output'
    | 'failure'
    | 'job'
    | 'child'
    | 'branch'
    | 'values'
    | 'because'
    | 'forced'
  >
>;

function statusFields(node: Node): StatusFields {
  const status = node.status;
  switch (status.name) {
    case 'waiting':
      return {};
    case 'queued':
      return node.admitted === undefined ? {} : { values: node.admitted };
    case 'running':
    case 'unknown':
      return {
        startedAt: status.startedAt,
        ...(status.job !== undefined && { job: status.job }),
        ...(status.child !== undefined && { child: status.child }),
        ...(status.name === 'unknown' && { failure: status.failure }),
      };
    case 'retrying':
      return status.failure === undefined ? {} : { failure: status.failure };
    case 'deciding':
      return { startedAt: status.since };
    case 'ended':
      return {
        endedAt: status.endedAt,
        ...(status.startedAt !== undefined && { startedAt: status.startedAt }),
        ...(status.output !== undefined && { output: status.output }),
        ...(status.failure !== undefined && { failure: status.failure }),
        ...(status.branch !== undefined && { branch: status.branch }),
        ...((status.values ?? node.admitted) !== undefined && {
          values: status.values ?? node.admitted,
        }),
        ...(status.because !== undefined && { because: status.because }),
        ...(status.forced !== undefined && { forced: status.forced }),
      };
  }
}
