/**
 * One client's place in the feed. It takes from the tail while it keeps up, and from the journal
 * while it does not; the client does not notice which of the two.
 */
import type { FeedPosition } from '../../journal/feed.ts';
import type { Item, FeedReader } from './feed-reader.ts';
import type { Tail } from './tail.ts';

const MOST_ITEMS = 200;
/** What one client is handed at once, and so what the server holds for it. */
const MOST_BYTES = 256 * 1024;

export class StreamReader {
  readonly #source: FeedReader;
  readonly #tail: Tail;
  #position: FeedPosition;
  /** The number of the next item in the tail, while it is known there. */
  #number: number | undefined;

  private constructor(source: FeedReader, tail: Tail, position: FeedPosition) {
    this.#source = source;
    this.#tail = tail;
    this.#position = position;
    this.#number = tail.numberAfter(position);
  }

  /** `null` begins now. Whoever opens one leaves the tail when it is done. */
  static async open(
    source: FeedReader,
    tail: Tail,
    position: FeedPosition | null,
  ): Promise<StreamReader> {
    const now = await tail.enter();
    const reader = new StreamReader(source, tail, position ?? now);
    // A place that has no continuation is refused before anything is answered.
    if (reader.#number === undefined) await reader.#refuseGone();
    return reader;
  }

  async #refuseGone(): Promise<void> {
    try {
      await this.#source.read(this.#position, 1);
    } catch (error) {
      this.#tail.leave();
      throw error;
    }
  }

  /** Right after everything that was given. */
  get position(): FeedPosition {
    return this.#position;
  }

  /** The next items; none only when the signal has aborted. */
  async next(signal: AbortSignal): Promise<readonly Item[]> {
    while (!signal.aborted) {
      // Before the look: what comes after it changes the count.
      const { count } = this.#tail;
      const items = await this.#available(count);
      if (items.length > 0) return items;
      await this.#tail.beyond(count, signal);
    }
    return [];
  }

  async #available(turn: number): Promise<readonly Item[]> {
    const near = this.#number === undefined ? null : this.#tail.from(this.#number, MOST_ITEMS);
    if (near === null) return this.#fromJournal(turn);
    const items = bounded(near);
    this.#number = (this.#number ?? 0) + items.length;
    this.#position = items.at(-1)?.position ?? this.#position;
    return items;
  }

  async #fromJournal(turn: number): Promise<readonly Item[]> {
    for (;;) {
      const page = await this.#source.share(turn, this.#position, MOST_ITEMS);
      const items = bounded(page.items);
      const before = this.#position;
      this.#position = items.at(-1)?.position ?? page.next;
      this.#number = this.#tail.numberAfter(this.#position);
      // Events of runs that were deleted leave an empty page behind: there may be more after it.
      if (items.length > 0 || this.#position === before) return items;
    }
  }
}

/** At least one. */
function bounded(items: readonly Item[]): readonly Item[] {
  let bytes = 0;
  const end = items.findIndex((item) => (bytes += item.text.length) > MOST_BYTES);
  return end < 0 ? items : items.slice(0, Math.max(1, end));
}
