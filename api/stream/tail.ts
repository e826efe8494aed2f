/**
 * The end of the feed, read once for all clients of this node.
 *
 *   commit (here, or the notification of another node) ──► one query ──► window of the newest events
 *                                                                       ▲         ▲
 *                                          readers that keep up take from it      │
 *                        a reader that is behind asks the journal by itself, until it is here
 *
 * Nothing waits for a client: whoever is slower than the window is long continues by itself.
 */
import type { FeedPosition } from '../../journal/feed.ts';
import { Coalesced } from '../../model/coalesced.ts';
import { waitFor } from '../../model/wait-for.ts';
import type { Item, FeedReader } from './feed-reader.ts';
import { FeedWindow } from './feed-window.ts';

const PAGE = 500;
/**
 * A commit can be seen only when all that began before it have ended, and their ends are not announced. So
 * after a commit it looks again, soon and then more seldom; the last of these is the safety net.
 */
const RECHECKS_MS = [20, 100, 400, 1000];

interface TailEvents {
  /** Calls back when events may have been committed, here or elsewhere. The result ends it. */
  readonly onCommit: (committed: () => void) => () => void;
  /** The journal could not be read; it is tried again. */
  readonly broken: (error: unknown) => void;
}

export class Tail {
  readonly #source: FeedReader;
  readonly #events: TailEvents;
  readonly #window = new FeedWindow();
  /** One query at a time; commits meanwhile cause one more. */
  readonly #reading: Coalesced;
  #end: FeedPosition | null = null;
  #readers = 0;
  #isBroken = false;
  #rechecks = 0;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(source: FeedReader, events: TailEvents) {
    this.#source = source;
    this.#events = events;
    this.#reading = new Coalesced(
      () => this.#read(),
      (error) => this.#failed(error),
    );
  }

  /** Where the tail stands. While no client reads it does not move. */
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
    this.#window.clear();
  }

  /** The number of the item that follows this position; undefined when that is not known here. */
  numberAfter(position: FeedPosition): number | undefined {
    return position === this.#end ? this.#window.count : this.#window.numberAfter(position);
  }

  /** Items from this number on; null when they have left the window. */
  from(number: number, limit: number): readonly Item[] | null {
    return this.#window.from(number, limit);
  }

  /** Changes with every item. */
  get count(): number {
    return this.#window.count;
  }

  /** Resolves when `count` is not this any more, or when the signal aborts. */
  async beyond(count: number, signal: AbortSignal): Promise<void> {
    while (this.count === count && !signal.aborted) {
      await waitFor(signal, (wake) => {
        this.#waiting.add(wake);
        return () => this.#waiting.delete(wake);
      });
    }
  }

  #committed(): void {
    this.#rechecks = 0;
    this.#reading.ask();
  }

  #recheckLater(): void {
    clearTimeout(this.#timer);
    if (this.#readers === 0) return;
    const ms = RECHECKS_MS[Math.min(this.#rechecks, RECHECKS_MS.length - 1)] ?? 0;
    this.#timer = setTimeout(() => {
      this.#rechecks += 1;
      this.#reading.ask();
    }, ms);
  }

  async #read(): Promise<void> {
    for (let more = true; more && this.#end !== null; ) more = await this.#page(this.#end);
    this.#isBroken = false;
    this.#recheckLater();
  }

  #failed(error: unknown): void {
    if (!this.#isBroken) this.#events.broken(error);
    this.#isBroken = true;
    this.#recheckLater();
  }

  /** Whether there may be more. */
  async #page(end: FeedPosition): Promise<boolean> {
    const { items, next } = await this.#source.read(end, PAGE);
    // All readers left meanwhile, and perhaps another came: then the tail stands elsewhere.
    if (this.#end !== end) return false;
    this.#end = items.at(-1)?.position ?? next;
    if (items.length === 0) return false;
    this.#window.add(items);
    for (const wake of this.#waiting) wake();
    return items.length === PAGE;
  }
}
