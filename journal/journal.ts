/**
 * The port of the journal: what the engine asks of storage. Rows in, rows out: nothing here knows the
 * rules. PostgreSQL answers it (`postgres/`), and the simulator answers it in memory (`memory/`).
 *
 * Each noun has its file, and beside it a suite (`append.suite.ts`) that both answers pass. This is
 * only where they meet.
 */
import type { Appends } from './append.ts';
import type { Notifications } from './notifications.ts';
import type { BulkStore } from './bulks.ts';
import type { FeedViews } from './feed.ts';
import type { Logs, LogViews } from './logs.ts';
import type { Nodes, NodeViews } from './nodes.ts';
import type { Ownership } from './ownership.ts';
import type { PoolStore } from './pools.ts';
import type { Requests } from './requests.ts';
import type { RetentionStore } from './retentions.ts';
import type { RunStore, RunViews } from './runs.ts';
import type { Slots } from './slots.ts';
import type { VersionStore, VersionViews } from './versions.ts';

/** What the engine writes and reads back. */
export interface Journal
  extends Appends,
    Ownership,
    Notifications,
    RunStore,
    Logs,
    VersionStore,
    PoolStore,
    Nodes {
  readonly views: Views;
  readonly slots: Slots;
  readonly requests: Requests;
  readonly bulks: BulkStore;
  readonly retentions: RetentionStore;
  /** What keeps it from working right now, in sentences for `/readyz`; empty when all is well. */
  stalls(): readonly string[];
  close(): Promise<void>;
}

/**
 * What people read. Keyset pages; newest first unless said. A page costs what it holds, however
 * much there is; one that had to look further may be short, or empty, and have a `next`.
 */
export interface Views extends RunViews, LogViews, VersionViews, NodeViews, FeedViews {
  /**
   * Whether the database answers and takes what Tutti writes; if not, it fails with a sentence.
   * `aside`: open runs that are set aside.
   */
  ping(): Promise<{ readonly aside: number }>;
}
