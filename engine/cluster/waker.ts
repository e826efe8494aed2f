/**
 * Brings runs into memory when they are due and there is room for them: sleeping ones of this node
 * from one source, those that nobody owns any more from another. It is moved by signals: a run
 * that goes to sleep, a run that leaves memory, a notification, the time that the source names as the
 * next. Nothing is swept.
 */
import type { Clock } from '../clock.ts';

const MOST_AT_ONCE = 500;
/** A source that cannot be asked is asked again: what is due must not be forgotten. */
const AGAIN_MS = 1_000;

/** Where runs come from. */
export interface Source {
  /** At most `limit` runs that are due, and when the next one will be. */
  ask(
    now: number,
    limit: number,
  ): Promise<{ readonly runs: readonly string[]; readonly nextAt: number | null }>;
  /** Brings them into memory; those that could not be brought now, to be tried again. */
  take(runs: readonly string[]): Promise<readonly string[]>;
}

/** The wakers of a node take turns, so that together they do not bring more than there is room for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

export class Waker {
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #turns: Turns;
  /** How many more runs memory has room for. */
  readonly #room: () => number;
  #next: { readonly at: number; readonly cancel: () => void } | undefined;
  /** Takes back the second look at what could not be done. */
  #notAgain: () => void = () => {};
  #looking = false;
  #again = false;
  /** Runs were due that found no room. */
  #crowded = false;
  #left: readonly string[] = [];
  #stopped = false;

  constructor(source: Source, clock: Clock, turns: Turns, room: () => number) {
    this.#source = source;
    this.#clock = clock;
    this.#turns = turns;
    this.#room = room;
  }

  /** Something is due then. */
  expect(at: number): void {
    if (this.#stopped || !Number.isFinite(at)) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    if (this.#next !== undefined && this.#next.at <= at) {
      // A time that has passed is none to wait for: the clock may have been set beyond it.
      if (this.#next.at <= this.#clock.now()) this.look();
      return;
    }
    this.#next?.cancel();
    this.#next = { at, cancel: this.#clock.at(at, () => this.look()) };
  }

  /** These are this node's and active, and could not be brought into memory yet. */
  remember(runs: readonly string[]): void {
    if (runs.length === 0) return;
    this.#left = [...this.#left, ...runs];
    if (this.#looking) this.#again = true;
    else this.#lookAgain();
  }

  /** A run left memory. */
  roomier(): void {
    if (this.#crowded) this.look();
  }

  look(): void {
    if (this.#stopped) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    this.#next?.cancel();
    this.#next = undefined;
    this.#notAgain();
    this.#crowded = false;
    void this.#lookOnce();
  }

  async #lookOnce(): Promise<void> {
    const nextAt = await this.#lookAround().catch(() => 'again' as const);
    this.#looking = false;
    if (this.#stopped) return;
    if (this.#again) {
      this.#again = false;
      this.look();
    } else {
      if (nextAt === 'again' || this.#left.length > 0) this.#lookAgain();
      if (nextAt !== 'again' && nextAt !== null) this.expect(nextAt);
    }
  }

  #lookAgain(): void {
    this.#notAgain();
    this.#notAgain = this.#clock.after(AGAIN_MS, () => this.look());
  }

  stop(): void {
    this.#stopped = true;
    this.#next?.cancel();
    this.#notAgain();
  }

  /** Page after page until nothing more is due; when the next will be. */
  async #lookAround(): Promise<number | null> {
    for (;;) {
      const page = await this.#turns.take(() => this.#page());
      if (page !== 'more') return page;
    }
  }

  async #page(): Promise<'more' | number | null> {
    if (this.#stopped) return null;
    await this.#take([]);
    const limit = Math.min(MOST_AT_ONCE, this.#room());
    if (limit <= 0) {
      this.#crowded = true;
      return null;
    }
    const { runs, nextAt } = await this.#source.ask(this.#clock.now(), limit);
    await this.#take(runs);
    return runs.length === limit ? 'more' : nextAt;
  }

  async #take(runs: readonly string[]): Promise<void> {
    const all = [...this.#left, ...runs];
    this.#left = all;
    if (all.length > 0) this.#left = await this.#source.take(all);
  }
}
