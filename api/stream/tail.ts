/**
 * The end of the feed, read once for all clients of this node.
 *
 *   commit (here, or the notification of another node) ──► one query ──► window of the newest events
 *                                                                       ▲         ▲
 *                                          readers that keep up take from it      │
 *                        a reader that is behind asks the journal by itself, until it is here
 *
 * Nothing waits for a client: whoever is slower than the window is long goes on by itself.
 */
import type { FeedPosition } from '../../journal/feed.ts';
import type { Item, FeedReader } from './feed-reader.ts';

const PAGE = 500;
const WINDOW_ITEMS = 4_000;
const WINDOW_BYTES = 16 * 1024 * 1024;
/**
 * A commit can be seen only when all that began before it have ended, which nobody announces. So
 * after a commit it looks again, soon and then more seldom; the last of these is the safety net.
 */
const RECHECKS_MS = [20, 100, 400, 1000];

export interface TailEvents {
  /** Calls back when events may have been committed, here or elsewhere. The result ends it. */
  readonly onCommit: (committed: () => void) => () => void;
  /** The journal could not be read; it is tried again. */
  readonly broken: (error: unknown) => void;
}

export class Tail {
  readonly #source: FeedReader;
  readonly #events: TailEvents;
  #window: Item[] = [];
  #bytes = 0;
  /** How many items have left the window, or stood before it: numbers go on for ever. */
  #first = 0;
  readonly #numbers = new Map<FeedPosition, number>();
  #end: FeedPosition | null = null;
  #readers = 0;
  #reading = false;
  #asked = false;
  #isBroken = false;
  #rechecks = 0;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(source: FeedReader, events: TailEvents) {
    this.#source = source;
    this.#events = events;
  }

  /** Where the tail stands. While nobody reads it does not move. */
  async enter(): Promise<FeedPosition> {
    this.#readers += 1;
    try {
      // Subscribed before the first look: what is committed in between is read.
      this.#unsubscribe ??= this.#events.onCommit(() => this.#committed());
      if (this.#end === null) {
        const now = await this.#source.now();
        this.#end ??= now;
        this.#recheckLater();
      }
      return this.#end;
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  leave(): void {
    this.#readers -= 1;
    if (this.#readers > 0) return;
    clearTimeout(this.#timer);
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#end = null;
    this.#first += this.#window.length;
    this.#window = [];
    this.#bytes = 0;
    this.#numbers.clear();
  }

  /** The number of the item that follows this position; undefined when that is not known here. */
  numberAfter(position: FeedPosition): number | undefined {
    if (position === this.#end) return this.#first + this.#window.length;
    return this.#numbers.get(position);
  }

  /** Items from this number on; null when they have left the window. */
  from(number: number, limit: number): readonly Item[] | null {
    if (number < this.#first) return null;
    return this.#window.slice(number - this.#first, number - this.#first + limit);
  }

  /** Changes with every item. */
  get count(): number {
    return this.#first + this.#window.length;
  }

  /** Resolves when `count` is not this any more, or when the signal aborts. */
  async beyond(count: number, signal: AbortSignal): Promise<void> {
    while (this.count === count && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }

  #committed(): void {
    this.#rechecks = 0;
    this.#asked = true;
    if (!this.#reading) void this.#check();
  }

  #recheckLater(): void {
    clearTimeout(this.#timer);
    if (this.#readers === 0) return;
    const ms = RECHECKS_MS[Math.min(this.#rechecks, RECHECKS_MS.length - 1)] ?? 0;
    this.#rechecks += 1;
    this.#timer = setTimeout(() => void this.#check(), ms);
  }

  /** One query at a time; commits meanwhile cause one more. */
  async #check(): Promise<void> {
    this.#asked = true;
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#asked && this.#end !== null) {
        this.#asked = false;
        await this.#page(this.#end);
      }
      this.#isBroken = false;
    } catch (error) {
      if (!this.#isBroken) this.#events.broken(error);
      this.#isBroken = true;
    } finally {
      this.#reading = false;
    }
    this.#recheckLater();
  }

  async #page(end: FeedPosition): Promise<void> {
    const { items, next } = await this.#source.read(end, PAGE);
    // Everybody left meanwhile, and perhaps somebody came: then the tail stands elsewhere.
    if (this.#end !== end) return;
    this.#end = items.at(-1)?.position ?? next;
    if (items.length === PAGE) this.#asked = true;
    if (items.length === 0) return;
    for (const item of items) {
      this.#window.push(item);
      this.#bytes += item.text.length;
      this.#numbers.set(item.position, this.count);
    }
    this.#shorten();
    for (const wake of this.#waiting) wake();
  }

  #shorten(): void {
    let leaving = 0;
    while (
      this.#window.length - leaving > WINDOW_ITEMS ||
      (this.#bytes > WINDOW_BYTES && leaving < this.#window.length - 1)
    ) {
      const item = this.#window[leaving];
      if (item === undefined) break;
      this.#bytes -= item.text.length;
      this.#numbers.delete(item.position);
      leaving += 1;
    }
    this.#window.splice(0, leaving);
    this.#first += leaving;
  }
}
