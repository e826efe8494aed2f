/**
 * One pass of a command through the kernel: decide, evolve, and settle until the run rests. What
 * it returns is what the journal must hold; the state is already there.
 */
import { bug } from '../../model/errors.ts';
import { inOneGo, type Portions } from '../../model/portions.ts';
import type { AttemptReport, DoorCommand, Refusal, RunEvent, RunStarted } from '../../model/run.ts';
import type { Context, VersionLookup } from './context.ts';
import { decide } from './decide.ts';
import { begin, evolve } from './evolve.ts';
import { isRefusal } from '../../model/refusal.ts';
import { settle, unsettled } from './settle.ts';
import type { RunState } from './state.ts';

/**
 * So much is settled in one step: a condition may take a millisecond, and a run may have 100,000.
 * What is left stands on the worklist: the run is not at rest, and `settleOn` is to be called.
 */
const SETTLED_AT_ONCE = 200;

export function step(
  state: RunState,
  command: DoorCommand | AttemptReport,
  context: Context,
): readonly RunEvent[] | Refusal {
  const decision = decide(state, command, context);
  if (isRefusal(decision)) return decision;
  if (decision.length === 0) return decision;
  // A repaired task lets a run that had ended continue.
  for (const event of decision) evolve(state, event, context.versions);
  return rest(state, decision, context);
}

/** The first step of a run. */
export function first(
  id: string,
  event: RunStarted,
  context: Context,
): { readonly state: RunState; readonly events: readonly RunEvent[] } {
  const state = begin(id, event, context.versions);
  return { state, events: rest(state, [event], context) };
}

/** A run that is not at rest continues by itself. */
export function settleOn(state: RunState, context: Context): readonly RunEvent[] {
  return rest(state, [], context);
}

/** Settles until nothing more follows, or enough. Most steps are at rest at once, and cost no second list. */
function rest(
  state: RunState,
  decided: readonly RunEvent[],
  context: Context,
): readonly RunEvent[] {
  let events: RunEvent[] | undefined;
  const { settledAtOnce = SETTLED_AT_ONCE } = context;
  for (let settled = 0; settled < settledAtOnce; settled++) {
    const event = settle(state, context.now);
    if (event === null) return events ?? decided;
    events ??= [...decided];
    events.push(event);
    evolve(state, event, context.versions);
  }
  return events ?? decided;
}

/** The fold: state from the journal, with what its last step has left on the worklist. */
export function replay(id: string, events: readonly RunEvent[], versions: VersionLookup): RunState {
  return inOneGo(replaying(id, events, versions));
}

/** So many events are folded in a few milliseconds. */
const EVENTS_AT_ONCE = 2_000;

/** The same in portions. */
export function* replaying(
  id: string,
  events: readonly RunEvent[],
  versions: VersionLookup,
): Portions<RunState> {
  const start = events[0];
  if (start?.type !== 'RunStarted') return bug(`run ${id} does not begin with RunStarted`);
  const state = begin(id, start, versions);
  for (let i = 1; i < events.length; i++) {
    if (i % EVENTS_AT_ONCE === 0) yield;
    evolve(state, events[i] as RunEvent, versions);
  }
  state.worklist = unsettled(state);
  return state;
}
