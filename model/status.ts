/** The statuses of runs and tasks, and how they may end. */
import type { End } from './definition.ts';

export const RUN_ENDS = ['succeeded', 'failed', 'timed-out', 'cancelled'] as const;
export type RunEnd = (typeof RUN_ENDS)[number];
export const RUN_STATUSES = ['running', 'held', 'cancelling', ...RUN_ENDS] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
export const RUN_IS_OVER: ReadonlySet<RunStatus> = new Set(RUN_ENDS);

export const ALIVE = [
  'waiting',
  'held',
  'queued',
  'running',
  'retrying',
  'deciding',
  'unknown',
] as const;
export type Alive = (typeof ALIVE)[number];
export type TaskStatus = Alive | End;
