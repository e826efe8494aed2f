/** The feed in memory: a position is how many events were read. */
import { TuttiError } from '../../model/errors.ts';
import type { FeedPage, FeedPosition } from '../feed.ts';
import { clampLimit } from '../page.ts';
import type { MemoryStore } from './store.ts';

export function readFeed(store: MemoryStore, after: FeedPosition | null, limit: number): FeedPage {
  if (after === null) return { items: [], next: String(store.feedEnd) };
  const from = /^\d{1,15}$/.test(after) ? Number(after) : Infinity;
  if (from > store.feedEnd) {
    throw new TuttiError('request.invalid', 'This is not a position of the feed of this journal.');
  }
  const start = store.feed[0]?.before ?? 0;
  if (from < start) {
    throw new TuttiError(
      'feed.gone',
      `Events after this position are deleted; the earliest position to read from is ${start}.`,
    );
  }
  const page = store.feed
    .flatMap(({ before, events }) =>
      events.map((event, index) => ({ event, position: before + index + 1 })),
    )
    .filter(({ position }) => position > from)
    .slice(0, clampLimit(limit));
  return {
    // Of a run that was deleted the feed has nothing to tell.
    items: page
      .filter(({ event }) => store.rows.has(event.run))
      .map(({ event, position }) => ({ event, position: String(position) })),
    next: String(page.at(-1)?.position ?? from),
  };
}

/**
 * Deletes rows from the oldest on, while every event of them is old, or deleted; the newest row
 * stays: it says where now is. Answers how many they are.
 */
export function cutFeed(store: MemoryStore, before: number, applies: boolean): number {
  const young = store.feed.findIndex(({ events }) =>
    events.some(({ run, at }) => store.rows.has(run) && at >= before),
  );
  const old = Math.min(young < 0 ? store.feed.length : young, Math.max(0, store.feed.length - 1));
  if (applies) store.feed.splice(0, old);
  return old;
}
