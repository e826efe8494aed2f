/** Retention: what is over is deleted by its age. */

/** How much was deleted, or would be. */
export interface RetentionCounts {
  /** Runs that were looked at. */
  readonly looked: number;
  /** Old enough, and kept: a run of the family is open, or is younger. */
  readonly kept: number;
  readonly runs: number;
  readonly events: number;
  /** Pieces of logs. */
  readonly logs: number;
  /** Bulk commands. */
  readonly bulks: number;
  /** Rows of the feed: each holds the events of one append. */
  readonly feed: number;
}

export const NOTHING_RETIRED: RetentionCounts = {
  looked: 0,
  kept: 0,
  runs: 0,
  events: 0,
  logs: 0,
  bulks: 0,
  feed: 0,
};
