/** Attempts for tests, of a run that is only what they look at. */
import { Attempt, type Limits, type LiveRun } from '../runs/live-run.ts';

export function fakeRun(id = 'r1'): LiveRun {
  return { id, busy: 0, resident: true, attempts: [], state: { nodes: [] } } as unknown as LiveRun;
}

export interface Made {
  readonly run?: LiveRun;
  readonly task?: string;
  readonly limits?: Limits;
  readonly since?: number;
}

/** An attempt that is queued. */
export function attemptOf(made: Made = {}): Attempt {
  const { run = fakeRun(), task = 'a', limits = { lane: 'world', pools: undefined } } = made;
  const work = { kind: 'dispatch', node: 0, task, attempt: 1 } as const;
  return new Attempt(run, work, limits, made.since ?? 0);
}

/** An attempt that has its place in a lane. */
export function runningAttempt(made: Made = {}): Attempt {
  const attempt = attemptOf(made);
  attempt.begin(made.since ?? 0);
  return attempt;
}
