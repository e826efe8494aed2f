/**
 * plan(state) → effects due: what should be going on in the world because of this state.
 *
 * An effect is a function of one node's status alone, so the same effects come out on the first
 * pass (over the nodes an event touched) and after a crash (over all nodes), with the same keys.
 * The engine compares them with what is already going on and starts, stops or leaves alone.
 */
import { definitionOf, isDispatched, isHeld, isMapped, nodeAt, refOf } from './nodes.ts';
import type { RunState } from './state.ts';
import type { Json } from '../model/json.ts';

export type Effect =
  /** Take it from the queue when there is room: run the action, or start the child run. */
  | {
      readonly kind: 'dispatch';
      readonly node: number;
      readonly task: string;
      readonly attempt: number;
    }
  /** Its start is durable: submit or find the job, follow it, cancel it if asked. */
  | {
      readonly kind: 'follow';
      readonly node: number;
      readonly task: string;
      readonly attempt: number;
      readonly startedAt: number;
      readonly job?: Json;
      readonly child?: string;
      readonly cancel: boolean;
      readonly lost: boolean;
    }
  /** Ask again at this time (WakeTask; WakeRun for node −1). */
  | {
      readonly kind: 'timer';
      readonly node: number;
      readonly task: string;
      readonly attempt: number;
      readonly at: number;
    };

/** What is going on, or may be: its start is durable. */
export type Follow = Extract<Effect, { kind: 'follow' }>;

/** Most nodes have no effects: no list is made for them. */
const NOTHING: readonly Effect[] = [];

/** The effects of one node, at most two: work and a timer. */
export function effectsOf(state: RunState, index: number): readonly Effect[] {
  const node = state.nodes[index];
  // A restart can leave fewer nodes than there were: nothing is due for those that went.
  if (state.end !== undefined || node === undefined) return NOTHING;
  const status = node.status;
  switch (status.name) {
    case 'waiting':
    case 'ended':
      return NOTHING;
    case 'queued': {
      const definition = definitionOf(state, node);
      if (isHeld(state, node) || !isDispatched(definition, node)) return [];
      return [
        { kind: 'dispatch', node: index, task: refOf(state, index), attempt: status.attempt },
      ];
    }
    case 'retrying':
      return [timer(state, index, status.attempt, status.nextAt)];
    case 'deciding':
      return status.expiresAt === undefined
        ? []
        : [timer(state, index, status.attempt, status.expiresAt)];
    case 'running':
    case 'unknown':
      return underway(state, index);
  }
}

function underway(state: RunState, index: number): Effect[] {
  const node = nodeAt(state, index);
  const status = node.status;
  if (status.name !== 'running' && status.name !== 'unknown') return [];
  const definition = definitionOf(state, node);
  if (status.wakeAt !== undefined) return [timer(state, index, status.attempt, status.wakeAt)];
  if (isMapped(definition, node)) return [];
  const follow: Effect = {
    kind: 'follow',
    node: index,
    task: refOf(state, index),
    attempt: status.attempt,
    startedAt: status.startedAt,
    ...(status.job !== undefined && { job: status.job }),
    ...(status.child !== undefined && { child: status.child }),
    cancel: status.cancel !== undefined,
    lost: status.name === 'unknown',
  };
  if (definition.timeoutMs === undefined || status.cancel !== undefined) return [follow];
  return [follow, timer(state, index, status.attempt, status.startedAt + definition.timeoutMs)];
}

function timer(state: RunState, index: number, attempt: number, at: number): Effect {
  return { kind: 'timer', node: index, task: refOf(state, index), attempt, at };
}

/** Every effect that is due; what a node does when it takes a run over. */
export function plan(state: RunState): Effect[] {
  return [...state.nodes.flatMap((_, index) => effectsOf(state, index)), ...runTimer(state)];
}

/** The run's own timeout. */
export function runTimer(state: RunState): Effect[] {
  if (state.deadline === undefined || state.end !== undefined || state.cancel !== undefined)
    return [];
  return [{ kind: 'timer', node: -1, task: '', attempt: 0, at: state.deadline }];
}

/**
 * Until when a run sleeps: null when something is to be done for it, else the next time that the
 * plan names, Infinity when only a command can wake it. A sleeping run needs no memory.
 */
export function sleepsUntil(state: RunState): number | null {
  if (state.end !== undefined) return Infinity;
  let until = state.cancel === undefined ? (state.deadline ?? Infinity) : Infinity;
  for (let index = 0; index < state.nodes.length; index++) {
    for (const effect of effectsOf(state, index)) {
      if (effect.kind !== 'timer') return null;
      until = Math.min(until, effect.at);
    }
  }
  return until;
}
