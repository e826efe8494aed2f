/**
 * The machine of a run, as its callers see it: the one file of this folder that others import.
 *
 *   step(state, command, context) → events | refusal   what may be done is decided, done and settled
 *     decide(state, command, context) → events | refusal   the same without doing it
 *     evolve(state, event)            → state               in place; `begin` and `replaying` fold a journal
 *   workOf, timerOf, runTimer, sleepsUntil             what is due, of one node or of the run
 *   viewOf, runStatusOf                                the run as people see it
 *   inputOf, taskOf                                    what an attempt is given
 *
 * How nodes, edges and scopes are kept stays inside.
 */
export type { Context, VersionLookup } from './context.ts';
export { decide, previewRestart } from './decide.ts';
export { begin, evolve } from './evolve.ts';
export { NO_OVERLAY, type Overlay } from './gates.ts';
export { type Input, inputOf } from './input.ts';
export { indexOf, isQueued, taskOf } from './nodes.ts';
export { addOrigin } from './origin.ts';
export {
  type Follow,
  runTimer,
  sleepsUntil,
  type Timer,
  timerOf,
  type Work,
  workOf,
} from './plan.ts';
export type { RunState } from './state.ts';
export { isAtRest } from './settle.ts';
export { first, replaying, settleOn, step } from './step.ts';
export { type PreparedVersion, preparing } from './version.ts';
export { runStatusOf, viewOf } from './view.ts';
