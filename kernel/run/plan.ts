/**
 * plan(state) → effects due: what should happen in the world because of this state.
 *
 * An effect is a function of one node's status alone, so the same effects come out on the first
 * pass (over the nodes an event touched) and after a crash (over all nodes), with the same keys.
 * The engine compares them with what is already under way and starts, stops or leaves alone.
 */
import { definitionOf, isDispatched, isHeld, isMapped, refOf } from './nodes.ts';
import { isAtRest } from './settle.ts';
import type { RunState } from './state.ts';
import type { Json } from '../../model/json.ts';

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
      readonly place?: string;
      readonly again?: number;
      readonly cancel: boolean;
      readonly unknown: boolean;
    }
  /** Ask again at this time: WakeTask, or WakeRun. */
  | {
      readonly kind: 'timer';
      readonly of: 'task';
      readonly node: number;
      readonly task: string;
      readonly attempt: number;
      readonly at: number;
    }
  | { readonly kind: 'timer'; readonly of: 'run'; readonly at: number };

/** What is under way, or may be: its start is durable. */
export type Follow = Extract<Effect, { kind: 'follow' }>;
export type Timer = Extract<Effect, { kind: 'timer' }>;
type TaskTimer = Extract<Timer, { of: 'task' }>;
type RunTimer = Extract<Timer, { of: 'run' }>;
/** What is to be under way; a node has one at most. */
export type Work = Exclude<Effect, Timer>;

/** The effects of one node. */
export function effectsOf(state: RunState, index: number): readonly Effect[] {
  return [workOf(state, index), timerOf(state, index)].filter((effect) => effect !== undefined);
}

/** Asked several times for each task, so it is a question by itself, and makes no list. */
export function workOf(state: RunState, index: number): Work | undefined {
  const node = state.nodes[index];
  // A restart can leave fewer nodes than there were: nothing is due for those that went.
  if (state.end !== undefined || node === undefined) return undefined;
  const status = node.status;
  switch (status.name) {
    case 'queued':
      if (isHeld(state, node) || !isDispatched(definitionOf(state, node), node)) return undefined;
      return { kind: 'dispatch', node: index, task: refOf(state, index), attempt: status.attempt };
    case 'running':
    case 'unknown':
      if (status.wakeAt !== undefined || isMapped(definitionOf(state, node), node))
        return undefined;
      return {
        kind: 'follow',
        node: index,
        task: refOf(state, index),
        attempt: status.attempt,
        startedAt: status.startedAt,
        ...(status.job !== undefined && { job: status.job }),
        ...(status.child !== undefined && { child: status.child }),
        ...(status.place !== undefined && { place: status.place }),
        ...(status.again !== undefined && { again: status.again }),
        cancel: status.cancel !== undefined,
        unknown: status.name === 'unknown',
      };
    case 'waiting':
    case 'retrying':
    case 'deciding':
    case 'ended':
      return undefined;
  }
}

/** When the node wants to be asked again. */
export function timerOf(state: RunState, index: number): TaskTimer | undefined {
  const node = state.nodes[index];
  if (state.end !== undefined || node === undefined) return undefined;
  const status = node.status;
  switch (status.name) {
    case 'retrying':
      return timer(state, index, status.attempt, status.nextAt);
    case 'deciding':
      return timer(state, index, status.attempt, status.expiresAt);
    case 'running':
    case 'unknown': {
      if (status.wakeAt !== undefined) return timer(state, index, status.attempt, status.wakeAt);
      const definition = definitionOf(state, node);
      const { timeoutMs } = definition;
      if (timeoutMs === undefined || status.cancel !== undefined || isMapped(definition, node))
        return undefined;
      return timer(state, index, status.attempt, status.startedAt + timeoutMs);
    }
    case 'waiting':
    case 'queued':
    case 'ended':
      return undefined;
  }
}

function timer(
  state: RunState,
  index: number,
  attempt: number,
  at: number | undefined,
): TaskTimer | undefined {
  if (at === undefined) return undefined;
  return { kind: 'timer', of: 'task', node: index, task: refOf(state, index), attempt, at };
}

/** Every effect that is due; what a node does when it takes a run over. */
export function plan(state: RunState): Effect[] {
  const ofNodes = state.nodes.flatMap((_, index) => effectsOf(state, index));
  const ofRun = runTimer(state);
  return ofRun === undefined ? ofNodes : [...ofNodes, ofRun];
}

/** The run's own timeout. */
export function runTimer(state: RunState): RunTimer | undefined {
  if (state.deadline === undefined || state.end !== undefined || state.cancel !== undefined)
    return undefined;
  return { kind: 'timer', of: 'run', at: state.deadline };
}

/**
 * Until when a run sleeps: null when something is to be done for it, else the next time that the
 * plan names, Infinity when only a command can wake it. A sleeping run needs no memory.
 */
export function sleepsUntil(state: RunState): number | null {
  if (state.end !== undefined) return Infinity;
  if (state.untold !== undefined || !isAtRest(state)) return null;
  let until = state.cancel === undefined ? (state.deadline ?? Infinity) : Infinity;
  for (let index = 0; index < state.nodes.length; index++) {
    if (workOf(state, index) !== undefined) return null;
    until = Math.min(until, timerOf(state, index)?.at ?? Infinity);
  }
  return until;
}
