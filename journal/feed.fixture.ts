/** Reading the feed as its followers do. */
import { expect } from 'vitest';
import type { EventRow } from './append.ts';
import type { FeedPosition } from './feed.ts';
import type { Journal } from './journal.ts';

/** Run and position, in short. */
export const nameOf = (event: EventRow): string =>
  `${Number.parseInt(event.run.slice(-6), 16)}.${event.seq}`;

/** Everything after a position, in pages of `limit`. */
export async function readAll(
  journal: Journal,
  from: FeedPosition,
  limit: number,
): Promise<{ names: string[]; positions: FeedPosition[] }> {
  const [names, positions]: [string[], FeedPosition[]] = [[], []];
  for (let after = from; ; ) {
    const page = await journal.views.feed(after, limit);
    if (page.items.length === 0) return { names, positions };
    for (const { position, event } of page.items) {
      names.push(nameOf(event));
      positions.push(position);
    }
    expect(page.next).toBe(positions.at(-1));
    after = page.next;
  }
}
