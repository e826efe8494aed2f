/** A portion of a retention: what it works with, and how far the retention is. */
import type pg from 'pg';
import type { RetentionCounts } from '../../model/retention.ts';
import type { RetentionScope } from '../retentions.ts';
import type { Archive } from './archive.ts';
import type { RunCursor } from './families.ts';

/** What of the scope is being looked at, and how far that is. */
export type Stage =
  | {
      readonly stage: 'runs';
      readonly after: RunCursor;
      readonly member: string | null;
      /** When the last run of a large family ended: reading that once is enough. */
      readonly large?: { readonly root: string; readonly end: number };
    }
  | { readonly stage: 'bulks'; readonly after: RunCursor }
  | { readonly stage: 'feed'; readonly xid: string }
  | { readonly stage: 'over' };

export interface Portion {
  readonly client: pg.Client;
  readonly scope: RetentionScope;
  readonly archive: Archive | null;
  /** Adds to what was counted. */
  readonly count: (more: Partial<RetentionCounts>) => void;
  /** Filled with the runs that it deletes. */
  readonly gone: string[];
}
