/** Commands on many runs, as they progress. */
import type { By } from '../model/run.ts';
import type { NodeLease } from './ownership.ts';
import type { Page } from './page.ts';
import type { RunFilter } from './runs.ts';

/** A bulk command is for so many runs at most; counting ends there. */
export const BULK_MAX = 100_000;

export type BulkFilter = Omit<RunFilter, 'after' | 'limit'>;

export interface BulkRow {
  readonly id: string;
  readonly verb: string;
  readonly filter: BulkFilter;
  readonly by: By;
  readonly createdAt: number;
  readonly endedAt: number | null;
  readonly cancelledAt: number | null;
  readonly total: number;
  readonly done: number;
  readonly refused: number;
}

export interface BulkOutcome {
  readonly run: string;
  /** `done`, or the code of the refusal. */
  readonly outcome: string;
  readonly message: string | null;
}

export interface BulkStore {
  /** One more than `BULK_MAX` when there are more, or when it would have to look at more to tell. */
  count(filter: BulkFilter): Promise<number>;
  /**
   * Notes the runs that the filter finds now. `expected`: how many the asker has seen; another
   * number, or more than `BULK_MAX`, leaves everything as it was, and is returned.
   */
  create(
    lease: NodeLease,
    bulk: Pick<BulkRow, 'id' | 'verb' | 'filter' | 'by'> & { readonly expected?: number },
  ): Promise<{ readonly created: boolean; readonly total: number }>;
  /** Runs that were not tried yet, in the order of their ids; none of a cancelled one. */
  open(bulk: string, limit: number): Promise<readonly string[]>;
  /** Ends the bulk command with its last outcome. */
  report(bulk: string, outcomes: readonly BulkOutcome[]): Promise<void>;
  /** Runs that are not tried yet are left alone from now on. */
  cancel(bulk: string): Promise<void>;
  /** Open ones that no node works on (their node is gone) become this node's. */
  claim(lease: NodeLease): Promise<readonly string[]>;
  find(bulk: string): Promise<BulkRow | null>;
  list(after: string | null, limit: number): Promise<Page<BulkRow>>;
  /** In the order of the runs' ids. */
  refusals(bulk: string, limit: number): Promise<readonly BulkOutcome[]>;
}
