/** Until when a run needs no memory. */
import { sleepsUntil, workOf } from '../../kernel/run/machine.ts';
import type { Clock } from '../clock.ts';
import type { LiveRun } from './live-run.ts';

/** A run that has nothing to do for less than this stays in memory. */
const PARK_AFTER_MS = 2_000;
/** A run of more nodes is not searched at each of its steps. */
const LARGE = 1_000;

/** null: the run must stay in memory. Looked at only when nothing is under way. */
export function wakeAtOf(run: LiveRun, clock: Clock): number | null {
  if (run.state.end !== undefined || run.busy > 0 || isPutOff(run)) return null;
  for (const node of run.state.touched) if (workOf(run.state, node) !== undefined) return null;
  const until = sleepsUntil(run.state);
  if (until === null || until < clock.now() + PARK_AFTER_MS) return null;
  return until;
}

/** More is on its way to the journal: of a large run it is asked when that is there. */
function isPutOff(run: LiveRun): boolean {
  return isLarge(run) && (run.pending.length > 0 || run.committing !== null);
}

/** It was put off, and now all of the run is in the journal. */
export function fallsAsleep(run: LiveRun, clock: Clock): boolean {
  return isLarge(run) && run.busy === 0 && wakeAtOf(run, clock) !== null;
}

function isLarge(run: LiveRun): boolean {
  return run.state.nodes.length >= LARGE;
}
