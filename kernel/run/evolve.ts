/**
 * evolve(state, event) → state: the only way the state changes, live and on replay.
 *
 * It decides nothing: every choice (a branch, a condition, a delay) was made by `decide` or
 * `settle` and stands in the event. What it derives (readiness, counts, what is blocked) follows
 * from the graph alone.
 */
import { bug } from '../../model/errors.ts';
import type {
  By,
  RunEvent,
  RunStarted,
  TaskEnded,
  TaskExpanded,
  TaskReopened,
  TaskRerun,
  TaskSkipped,
  TaskStarted,
} from '../../model/run.ts';
import type { VersionLookup } from './context.ts';
import {
  definitionOf,
  end,
  freshNode,
  indexOf,
  isDispatched,
  admitItems,
  updateReadiness,
  nodeAt,
  put,
  queue,
  renewDeadline,
  reopenItem,
  uncountItem,
} from './nodes.ts';
import { edgesTo } from './graph.ts';
import { addOrigin } from './origin.ts';
import { restart, revive } from './restart.ts';
import type { Ended, Node, RunState, Running } from './state.ts';
import type { Mutable } from '../../model/mutable.ts';

/** The state after the first event of a run. */
export function begin(id: string, event: RunStarted, versions: VersionLookup): RunState {
  const { graph, expressions } = versions(event.workflow, event.version);
  const { definition } = graph;
  const state: Mutable<RunState> = {
    id,
    workflow: event.workflow,
    version: event.version,
    definition,
    graph,
    expressions,
    inputs: event.inputs,
    by: event.by,
    createdAt: event.at,
    nodes: definition.tasks.map((_, task) => freshNode(task, edgesTo(graph, task).length)),
    spent: new Map(),
    seq: 1,
    alive: 0,
    ended: 0,
    failed: 0,
    worklist: [],
    touched: [],
  };
  addOrigin(state, event);
  if (definition.timeoutMs !== undefined) state.deadline = event.at + definition.timeoutMs;
  for (const root of graph.roots) updateReadiness(state, root, event.at);
  return state;
}

export function evolve(state: RunState, event: RunEvent, versions: VersionLookup): RunState {
  state.seq += 1;
  if ('task' in event) evolveTask(state, event);
  else evolveRun(state, event, versions);
  return state;
}

type TaskEvent = Extract<RunEvent, { task: string }>;

function evolveRun(
  state: RunState,
  event: Exclude<RunEvent, TaskEvent>,
  versions: VersionLookup,
): void {
  switch (event.type) {
    case 'RunStarted':
      return bug('a run starts once');
    case 'RunHeld':
      state.hold = event.by;
      state.nodes.forEach((_, index) => state.touched.push(index));
      break;
    case 'RunReleased':
      delete state.hold;
      state.nodes.forEach((_, index) => released(state, index));
      break;
    case 'RunCancelRequested':
      cancelRun(state, event.at, event.by, event.timedOut === true);
      break;
    case 'RunRestarted':
      restart(state, event, versions);
      break;
    case 'ParentTold':
      delete state.untold;
      break;
    case 'RunEnded':
      if (state.untold !== undefined) delete state.untold;
      state.end = {
        end: event.end,
        at: event.at,
        ...(event.output !== undefined && { output: event.output }),
        ...(event.failure !== undefined && { failure: event.failure }),
      };
      break;
  }
}

function evolveTask(state: RunState, event: TaskEvent): void {
  switch (event.type) {
    case 'TaskHeld':
      nodeAt(state, indexOrBug(state, event.task)).hold = event.by;
      state.touched.push(indexOrBug(state, event.task));
      break;
    case 'TaskReleased':
      delete nodeAt(state, indexOrBug(state, event.task)).hold;
      released(state, indexOrBug(state, event.task));
      break;
    case 'TaskQueued':
      nodeAt(state, indexOrBug(state, event.task)).admitted = event.values;
      queue(state, indexOrBug(state, event.task), event.at);
      break;
    case 'TaskStarted':
      taskStarted(state, event);
      break;
    case 'TaskSubmitted':
      amend(state, event.task, (running) => ({ ...running, job: event.job }));
      break;
    case 'TaskMarkedUnknown':
      amend(state, event.task, (running) => ({
        ...running,
        name: 'unknown',
        since: event.at,
        failure: event.failure,
      }));
      break;
    case 'TaskResolved':
      taskResolved(state, event.task);
      break;
    case 'TaskCancelRequested':
      amend(state, event.task, (running) => ({ ...running, cancel: event.because }));
      break;
    case 'TaskRetrying':
      taskRetrying(state, event);
      break;
    case 'TaskWoken':
      queue(state, indexOrBug(state, event.task), event.at);
      break;
    case 'TaskExpanded':
      taskExpanded(state, event);
      break;
    case 'TaskSteered':
      taskSteered(state, event);
      break;
    case 'TaskRerun':
      taskRerun(state, event);
      break;
    case 'TaskReopened':
      taskReopened(state, event);
      break;
    case 'TaskEnded':
      taskEnded(state, event);
      break;
    case 'TaskSkipped':
      taskSkipped(state, event);
      break;
  }
}

function indexOrBug(state: RunState, ref: string): number {
  return indexOf(state, ref) ?? bug(`no task ${ref} in run ${state.id}`);
}

/** After a hold: what stood ready is looked at again. */
function released(state: RunState, index: number): void {
  const node = nodeAt(state, index);
  state.touched.push(index);
  if (node.status.name === 'queued') {
    if (!isDispatched(definitionOf(state, node), node)) state.worklist.push(index);
  }
}

function cancelRun(state: RunState, now: number, by: RunState['by'], timedOut: boolean): void {
  state.cancel = { by, timedOut };
  state.nodes.forEach((node, index) => {
    const status = node.status;
    if (status.name === 'ended') return;
    if (node.items !== undefined) node.items.pending.length = 0;
    if (
      (status.name === 'running' || status.name === 'unknown') &&
      isDispatched(definitionOf(state, node), node)
    ) {
      put(state, index, { ...status, cancel: 'run' });
    } else {
      const attempt = status.name === 'waiting' ? node.attempt : status.attempt;
      end(state, index, { name: 'ended', end: 'cancelled', attempt, endedAt: now });
    }
  });
}

function taskStarted(state: RunState, event: TaskStarted): void {
  const index = indexOrBug(state, event.task);
  const definition = definitionOf(state, nodeAt(state, index));
  if (definition.body.kind === 'approve') {
    put(state, index, {
      name: 'deciding',
      attempt: event.attempt,
      since: event.at,
      ...(event.wakeAt !== undefined && { expiresAt: event.wakeAt }),
    });
  } else {
    const { status } = nodeAt(state, index);
    // Made again in the same attempt: since when it runs, and whether it is to stop, stays.
    const before = status.name === 'running' || status.name === 'unknown' ? status : undefined;
    put(state, index, {
      name: 'running',
      attempt: event.attempt,
      startedAt: before?.startedAt ?? event.at,
      ...(before?.cancel !== undefined && { cancel: before.cancel }),
      ...(event.again !== undefined && { again: event.again }),
      ...(event.child !== undefined && { child: event.child }),
      ...(event.place !== undefined && { place: event.place }),
      ...(event.wakeAt !== undefined && { wakeAt: event.wakeAt }),
    });
  }
}

type Underway = Running | Extract<Node['status'], { name: 'unknown' }>;

function amend(state: RunState, ref: string, change: (running: Underway) => Underway): void {
  const index = indexOrBug(state, ref);
  const status = nodeAt(state, index).status;
  if (status.name !== 'running' && status.name !== 'unknown')
    return bug(`${ref} is ${status.name}`);
  put(state, index, change(status));
}

function taskResolved(state: RunState, ref: string): void {
  amend(state, ref, (status) => ({
    name: 'running',
    attempt: status.attempt,
    startedAt: status.startedAt,
    ...(status.job !== undefined && { job: status.job }),
    ...(status.child !== undefined && { child: status.child }),
    ...(status.place !== undefined && { place: status.place }),
    ...(status.again !== undefined && { again: status.again }),
    ...(status.cancel !== undefined && { cancel: status.cancel }),
  }));
}

function taskRetrying(state: RunState, event: Extract<RunEvent, { type: 'TaskRetrying' }>): void {
  const index = indexOrBug(state, event.task);
  const node = nodeAt(state, index);
  if (event.failure === undefined) {
    node.rounds += 1;
    node.failures = 0;
  } else {
    node.failures += 1;
  }
  put(state, index, {
    name: 'retrying',
    attempt: event.attempt,
    since: event.at,
    nextAt: event.nextAt,
    ...(event.failure !== undefined && { failure: event.failure }),
  });
}

function taskExpanded(state: RunState, event: TaskExpanded): void {
  const index = indexOrBug(state, event.task);
  const node = nodeAt(state, index);
  const first = state.nodes.length;
  node.items = {
    first,
    values: event.items,
    ended: 0,
    failed: 0,
    pending: event.items.map((_, position) => event.items.length - 1 - position),
  };
  // Filled in: there may be 100,000 of them, and a spread costs each several times as much.
  for (let position = 0; position < event.items.length; position++) {
    const item: Mutable<Node> = freshNode(node.task, 0);
    item.item = { position, parent: index };
    // Items begin where the mapped task's attempts stand: keys stay unique after a restart.
    item.attempt = node.attempt - 1;
    state.nodes.push(item);
  }
  put(state, index, { name: 'running', attempt: node.attempt, startedAt: event.at });
  admitItems(state, index, event.at);
  if (event.items.length === 0) state.worklist.push(index);
}

function taskSteered(state: RunState, event: Extract<RunEvent, { type: 'TaskSteered' }>): void {
  const index = indexOrBug(state, event.task);
  const node = nodeAt(state, index);
  node.steer = { branch: event.branch, by: event.by };
  if (node.status.name === 'queued') state.worklist.push(index);
}

function taskRerun(state: RunState, { task, at: now, by }: TaskRerun): void {
  const index = indexOrBug(state, task);
  const node = nodeAt(state, index);
  reviveIfEnded(state, now, by);
  node.failures = 0;
  node.rounds = 0;
  if (node.item === undefined) queue(state, index, now);
  else reopenItem(state, index, now);
}

/** Its timeout begins again, too. */
function taskReopened(state: RunState, event: TaskReopened): void {
  const { attempt, child, at: startedAt, by } = event;
  const index = indexOrBug(state, event.task);
  const node = nodeAt(state, index);
  reviveIfEnded(state, startedAt, by);
  if (node.item !== undefined) uncountItem(state, node, node.item.parent);
  put(state, index, { name: 'running', attempt, startedAt, child });
}

function taskEnded(state: RunState, event: TaskEnded): void {
  const index = indexOrBug(state, event.task);
  const node = nodeAt(state, index);
  reviveIfEnded(state, event.at, event.forced);
  // An operator may end an item before its turn or after its end: it counts once.
  if (node.item !== undefined) uncountItem(state, node, node.item.parent);
  const steered = node.steer;
  const forced = event.forced ?? (event.branch !== undefined ? steered?.by : undefined);
  // The object that is made most often: filled in, because spreads cost several times as much.
  const ended: Mutable<Ended> = {
    name: 'ended',
    end: event.end,
    attempt: event.attempt,
    endedAt: event.at,
  };
  if (event.startedAt !== undefined) ended.startedAt = event.startedAt;
  if (event.output !== undefined) ended.output = event.output;
  if (event.failure !== undefined) ended.failure = event.failure;
  if (event.branch !== undefined) ended.branch = event.branch;
  if (event.values !== undefined) ended.values = event.values;
  if (forced !== undefined) ended.forced = forced;
  end(state, index, ended);
}

function taskSkipped(state: RunState, event: TaskSkipped): void {
  const index = indexOrBug(state, event.task);
  const node = nodeAt(state, index);
  reviveIfEnded(state, event.at, event.forced);
  // An operator may end an item before its turn or after its end: it counts once.
  if (node.item !== undefined) uncountItem(state, node, node.item.parent);
  end(state, index, {
    name: 'ended',
    end: 'skipped',
    attempt: node.attempt,
    endedAt: event.at,
    because: event.because,
    ...(event.values !== undefined && { values: event.values }),
    ...(event.forced !== undefined && { forced: event.forced }),
  });
}

/** An operator who repairs a run that had ended lets it continue; its own timeout begins again. */
function reviveIfEnded(state: RunState, now: number, by: By | undefined): void {
  if (state.end === undefined) return;
  revive(state, by ?? state.by);
  renewDeadline(state, now);
}
