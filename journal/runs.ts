/** Runs as they are stored: what the engine loads, sets aside and takes back, and how people look at them. */
import type { RunStatus, RunSummary } from '../model/run.ts';
import type { EventRow } from './append.ts';
import type { NodeLease } from './ownership.ts';
import type { Page } from './page.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Before every run. */
export const NIL_ID = '00000000-0000-0000-0000-000000000000';

/** Anything else is not the id of a run, and the database need not be asked for it. */
export function isRunId(text: string): boolean {
  return UUID.test(text);
}

export interface StoredRun {
  readonly summary: RunSummary;
  readonly owner: number | null;
  readonly wakeAt: number | null;
  readonly events: readonly EventRow[];
}

export interface RunFilter {
  readonly workflow?: string;
  readonly statuses?: readonly RunStatus[];
  readonly parent?: string;
  readonly key?: string;
  readonly businessDate?: string;
  /** Created at this time or later, and before this one. Milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
  /** Opaque: the `next` of the page before. */
  readonly after?: string;
  readonly limit: number;
}

export interface RunStore {
  load(run: string): Promise<StoredRun | null>;
  /** Many at once, in the order of their ids; those that are not there are left out. */
  loadMany(runs: readonly string[]): Promise<readonly StoredRun[]>;
  /**
   * The nearest run that is being cancelled, of this one and those above it; null when there is
   * none. Nothing above a run that has ended is looked at.
   */
  cancellingAbove(run: string): Promise<string | null>;
  /** Ids of runs of this node that must be in memory: active ones, in pages by id. */
  activeRuns(lease: NodeLease, after: string | null, limit: number): Promise<readonly string[]>;
  /** Sleeping runs of this node that are due, and the next time after `now` when one will be. */
  dueRuns(
    lease: NodeLease,
    now: number,
    limit: number,
  ): Promise<{ due: readonly string[]; nextAt: number | null }>;
  /**
   * Sets a run of this node aside: it has no owner, is never due and never claimed, until it is
   * reinstated. `reason` says why in a sentence. What it holds of pools is free: notifies `slots`. Nothing
   * happens when this node has been fenced.
   */
  setAside(lease: NodeLease, run: string, reason: string): Promise<void>;
  /** A run that was set aside is this node's, and active (unless it has ended); false: it is not. */
  reinstate(lease: NodeLease, run: string): Promise<boolean>;
}

/** What people read of runs. */
export interface RunViews {
  runs(filter: RunFilter): Promise<Page<RunSummary>>;
  run(id: string): Promise<RunSummary | null>;
  /** Ids that begin with this prefix, at most two: enough to tell unique from ambiguous. */
  runsByPrefix(prefix: string): Promise<readonly string[]>;
  /** Events of a run after `seq` (exclusive; -1 for all), oldest first. */
  events(run: string, after: number, limit: number): Promise<readonly EventRow[]>;
  /** Whether an event of the run carries this mark in its `by.request`. */
  marked(run: string, mark: string): Promise<boolean>;
}
