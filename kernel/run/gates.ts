/**
 * Why a task waits (law 11): every task that has not ended can say, typed and in words, what it
 * waits for and who holds it. The kernel knows the run; what only the engine knows (a slot, a
 * worker that is busy) is handed in as the overlay.
 */
import { bug } from '../../model/errors.ts';
import type { By, Gate } from '../../model/run.ts';
import { edgesTo } from './graph.ts';
import { definitionOf, isFailure, isMapped, nodeAt, refOf } from './nodes.ts';
import type { Node, RunState } from './state.ts';
import { statusOf } from './status.ts';

/** What the engine knows beyond the fold: idempotent work under way, and queues. */
export interface Overlay {
  /** When an attempt that has no durable start was begun; undefined when it was not. */
  runningSince(node: number): number | undefined;
  /** What a queued task waits for in the dispatcher. */
  waitsFor(node: number): Gate | undefined;
}

export const NO_OVERLAY: Overlay = { runningSince: () => undefined, waitsFor: () => undefined };

/** All unmet preconditions of a task; empty only when it has ended. */
export function gatesOf(state: RunState, index: number, overlay: Overlay): Gate[] {
  const node = nodeAt(state, index);
  const status = node.status;
  if (status.name === 'ended') return [];
  const holds = holdsOf(state, node);
  switch (status.name) {
    case 'waiting':
      return [...waiting(state, index, node), ...holds];
    case 'queued':
      return holds.length > 0 ? holds : [queued(index, overlay)];
    case 'retrying':
      return [
        {
          kind: 'retry',
          message: retryMessage(node, status.failure?.message, status.nextAt),
          since: status.since,
          until: status.nextAt,
        },
        ...holds,
      ];
    case 'deciding':
      return [approval(state, node, status.since, status.expiresAt)];
    case 'running':
      return [running(state, index, node)];
    case 'unknown':
      return [
        {
          kind: 'system',
          message: `its outcome is unknown since ${time(status.since)}: ${status.failure.message}. Tutti submits nothing twice: it continues when the system answers. Or decide yourself: force, skip or rerun the task`,
          since: status.since,
        },
      ];
  }
}

function holdsOf(state: RunState, node: Node): Gate[] {
  const gates: Gate[] = [];
  if (node.hold !== undefined)
    gates.push({ kind: 'hold', message: `held by ${who(node.hold)}`, on: node.hold.actor });
  if (state.hold !== undefined) {
    gates.push({
      kind: 'run-hold',
      message: `the run is held by ${who(state.hold)}`,
      on: state.hold.actor,
    });
  }
  return gates;
}

function waiting(state: RunState, index: number, node: Node): Gate[] {
  if (node.item !== undefined) {
    const parent = refOf(state, node.item.parent);
    const parallel = definitionOf(state, node).each?.parallel ?? 1;
    return [
      {
        kind: 'parallel',
        message: `waits for its turn: "${parent}" runs ${parallel} items at a time`,
        on: parent,
      },
    ];
  }
  const gates = edgesTo(state.graph, index).flatMap((edge) => {
    const source = nodeAt(state, edge.from);
    return source.closed ? [] : [upstream(state, edge.from, source)];
  });
  if (gates.length > 0) return gates;
  // Its edges are closed, yet it was never let in: the run ended around it.
  const end = state.end?.end ?? 'going on';
  return [
    { kind: 'run-ended', message: `the run is ${end}; restart it from here to run this task` },
  ];
}

function upstream(state: RunState, index: number, source: Node): Gate {
  const ref = refOf(state, index);
  if (isFailure(source.status) && source.status.name === 'ended') {
    const { failure } = source.status;
    const message = failure?.message;
    // A restart of the task would begin another child.
    const what = failure?.code === 'child.failed' ? 'restart the child run, or' : 'restart,';
    return {
      kind: 'upstream-failed',
      on: ref,
      since: source.status.endedAt,
      message: `blocked: "${ref}" ended ${source.status.end}${message === undefined ? '' : ` (${message})`}; ${what} skip or force it`,
    };
  }
  return {
    kind: 'upstream',
    on: ref,
    message: `waits for "${ref}", which is ${statusOf(state, source)}`,
  };
}

function queued(index: number, overlay: Overlay): Gate {
  const since = overlay.runningSince(index);
  if (since !== undefined) {
    return { kind: 'job', message: `its action is running since ${time(since)}`, since };
  }
  return overlay.waitsFor(index) ?? { kind: 'start', message: 'it is about to start' };
}

function running(state: RunState, index: number, node: Node): Gate {
  const status = node.status;
  if (status.name !== 'running') return bug('running');
  const definition = definitionOf(state, node);
  if (status.cancel !== undefined) {
    const because =
      status.cancel === 'timeout' ? 'its timeout is over' : 'the run is being cancelled';
    return {
      kind: 'cancel',
      message: `${because}: the system was asked to stop the job and has not confirmed it yet`,
      since: status.startedAt,
    };
  }
  if (status.wakeAt !== undefined) {
    return {
      kind: 'time',
      message: `waits until ${time(status.wakeAt)}`,
      since: status.startedAt,
      until: status.wakeAt,
    };
  }
  if (isMapped(definition, node) && node.items !== undefined) {
    const { ended, values, failed } = node.items;
    const bad = failed === 0 ? '' : `, ${failed} failed`;
    return {
      kind: 'items',
      message: `${ended} of ${values.length} items have ended${bad}`,
      on: refOf(state, index),
    };
  }
  if (status.child !== undefined) {
    return {
      kind: 'child-run',
      message: `its child run ${status.child} is running`,
      on: status.child,
      since: status.startedAt,
    };
  }
  const system =
    definition.body.kind === 'action' ? (definition.body.system ?? definition.body.action) : '';
  return {
    kind: 'job',
    message: `its job is running in ${system} since ${time(status.startedAt)}`,
    on: system,
    since: status.startedAt,
  };
}

function approval(state: RunState, node: Node, since: number, expiresAt?: number): Gate {
  const body = definitionOf(state, node).body;
  const by = body.kind === 'approve' ? body.by.join(', ') : '';
  const expiry = expiresAt === undefined ? '' : `; it expires ${time(expiresAt)}`;
  return {
    kind: 'approval',
    message: `waits for the decision of ${by} since ${time(since)}${expiry}`,
    on: by,
    since,
    ...(expiresAt !== undefined && { until: expiresAt }),
  };
}

function retryMessage(node: Node, message: string | undefined, nextAt: number): string {
  if (message === undefined) return `asks again ${time(nextAt)}: its condition does not hold yet`;
  return `attempt ${node.attempt} failed (${message}); the next one is due ${time(nextAt)}`;
}

function who(by: By): string {
  return by.reason === undefined ? by.actor : `${by.actor}: ${by.reason}`;
}

/** UTC; people's zones are the console's business. */
function time(at: number): string {
  return new Date(at).toISOString();
}
