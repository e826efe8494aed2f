/**
 * Appending: rows of runs, events and views, written together or not at all. Law 3 lives here: every
 * append carries the node's epoch, and is refused as `fenced` when another node has raised it.
 */
import type { TuttiError } from '../model/errors.ts';
import type { By, ParentTask, RunStatus } from '../model/run.ts';
import type { NodeLease } from './ownership.ts';

/** One event as a row. `data` is the rest of the event as JSON text. */
export interface EventRow {
  /** A UUID, best one that grows with time (version 7). */
  readonly run: string;
  /** 0, 1, 2… within the run, without holes. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly type: string;
  readonly task: string | null;
  readonly attempt: number | null;
  /** For TaskEnded and RunEnded. */
  readonly end: string | null;
  readonly data: string;
}

/** The row of a new run in the view of runs. */
export interface RunRow {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly key: string | null;
  readonly businessDate: string | null;
  readonly parent: ParentTask | null;
  readonly by: By;
  readonly createdAt: number;
  readonly status: RunStatus;
  /**
   * null: active, its owner must hold it in memory. A time: it sleeps until then. Infinity: it
   * waits for a command only. Sleeping runs cost no memory.
   */
  readonly wakeAt: number | null;
  readonly total: number;
  /** It has no owner yet: the writer has no capacity for it, and any node may claim it when it is due. */
  readonly unowned?: boolean;
}

/** The view columns of a run that change; written in the same transaction as its events. */
export interface RunUpdate {
  readonly run: string;
  readonly status: RunStatus;
  readonly version: number;
  readonly wakeAt: number | null;
  readonly endedAt: number | null;
  readonly total: number;
  readonly ended: number;
  readonly failed: number;
}

export interface Batch {
  readonly starts: readonly RunRow[];
  readonly events: readonly EventRow[];
  /** At most one per run. */
  readonly updates: readonly RunUpdate[];
}

export type AppendResult =
  | { readonly kind: 'committed' }
  | { readonly kind: 'fenced' }
  /** Nothing was written: `run` of this batch has a (workflow, key) that another run has. */
  | { readonly kind: 'key-exists'; readonly run: string }
  /**
   * Nothing was written, and never will be, because of what the batch says: `runs` are those that
   * are to blame; null when that is not known.
   */
  | {
      readonly kind: 'refused';
      readonly runs: readonly string[] | null;
      readonly error: TuttiError;
    };

export interface Appends {
  /**
   * Appends atomically. Resolves only when the truth is known: after a lost connection it
   * reconnects, looks whether the batch is there, and appends it if not. Rejects only with
   * `node.stopping` (closed meanwhile) or a bug.
   *
   * A run's events must be in one append at a time: two of them under way may commit in any
   * order, and one without the other.
   */
  append(lease: NodeLease, batch: Batch): Promise<AppendResult>;
  /** How many appends may be under way at once (connections). */
  readonly appendConcurrency: number;
}
