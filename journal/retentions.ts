/** Retention: deleting what is over, in portions, each of them a transaction that notes how far it is. */
import type { RetentionCounts } from '../model/retention.ts';
import type { By } from '../model/run.ts';
import type { NodeLease } from './ownership.ts';
import type { Page } from './page.ts';

export interface RetentionScope {
  /** Runs that ended before it, whole families of them. Milliseconds; null: none. */
  readonly endedBefore: number | null;
  /** Of those that ended before it, the logs. */
  readonly logsBefore: number | null;
  /** Only runs of it at the top of their families. */
  readonly workflow: string | null;
  /** A folder of this node. */
  readonly archive: string | null;
  /** Else it only counts. */
  readonly applies: boolean;
}

export interface RetentionRow {
  readonly id: string;
  readonly scope: RetentionScope;
  readonly by: By;
  readonly createdAt: number;
  readonly endedAt: number | null;
  readonly cancelledAt: number | null;
  readonly portions: number;
  readonly counts: RetentionCounts;
  readonly failure: string | null;
}

export interface RetentionStore {
  create(lease: NodeLease, retention: Pick<RetentionRow, 'id' | 'scope' | 'by'>): Promise<void>;
  /**
   * The next portion: archived on the disk, then deleted; `gone` are runs that are no more. No
   * `more` when nothing is left to do, or this node has been fenced. Fails with `retention.archive`,
   * and then has deleted nothing.
   */
  portion(
    lease: NodeLease,
    retention: string,
  ): Promise<{ readonly more: boolean; readonly gone: readonly string[] }>;
  /** Ends it. */
  fail(retention: string, failure: string): Promise<void>;
  cancel(retention: string): Promise<void>;
  /** Open ones that no node works on (their node is gone) become this node's. */
  claim(lease: NodeLease): Promise<readonly string[]>;
  find(retention: string): Promise<RetentionRow | null>;
  list(after: string | null, limit: number): Promise<Page<RetentionRow>>;
}
