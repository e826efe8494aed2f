/** The feed: events of all runs, for clients that follow them. */
import type { EventRow } from './append.ts';

/** Where a reader of the feed stands: opaque, and comparable to nothing but itself. */
export type FeedPosition = string;

/**
 * Events of all runs in an order that never changes: what was once read before something stays
 * before it, and nothing is ever inserted before what was read.
 */
export interface FeedPage {
  /** Each with the position right after it, from which a reader resumes without loss or repetition. */
  readonly items: readonly { readonly position: FeedPosition; readonly event: EventRow }[];
  /** Where to read on, also when there are no items. */
  readonly next: FeedPosition;
}

export interface FeedViews {
  /**
   * Oldest first. null: from now on; the page is empty and says where now is. Fails with `feed.gone`
   * when events after the position were deleted.
   */
  feed(after: FeedPosition | null, limit: number): Promise<FeedPage>;
}
