/**
 * Brings runs into memory when they are due and there is capacity for them: sleeping ones of this
 * node from one source, those without a live owner from another. It is moved by signals: a run that
 * falls asleep, a run that leaves memory, a notification, the time that the source names as the
 * next. Nothing is swept.
 *
 *   idle ── a signal, or the alarm for the next time ──► checking: page after page, until
 *    ▲                                                      │ nothing more is due: alarm for the next
 *    └──────────────────────────────────────────────────────┤ memory is full: until a run leaves it
 *                                                           └ it failed, or some could not be loaded:
 *                                                             again after a second
 */
import { Coalesced } from '../../model/coalesced.ts';
import type { Clock } from '../clock.ts';
import type { Observer } from '../observer.ts';

const MOST_AT_ONCE = 500;
/** A source that cannot be asked is asked again: what is due must not be forgotten. */
const AGAIN_MS = 1_000;

/** Where runs come from. */
export interface RunSource {
  /** At most `limit` runs that are due, and when the next one will be. */
  due(
    now: number,
    limit: number,
  ): Promise<{ readonly runs: readonly string[]; readonly nextAt: number | null }>;
  /** Brings them into memory; those that could not be brought now, to be tried again. */
  load(runs: readonly string[]): Promise<readonly string[]>;
}

/** The wakers of a node take turns, so that together they bring no more than there is capacity for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // ignored: whoever asked for the work has its error; the next one only waits for its end.
    this.#last = result.catch(() => undefined);
    return result;
  }
}

interface WakerParts {
  readonly source: RunSource;
  readonly clock: Clock;
  readonly turns: Turns;
  /** How many more runs memory can hold. */
  readonly capacity: () => number;
  readonly observer: Observer | undefined;
}

export class Waker {
  readonly #parts: WakerParts;
  readonly #checking: Coalesced;
  #alarm: { readonly at: number; readonly cancel: () => void } | undefined;
  /** Takes back the second try of what could not be done. */
  #cancelRetry: () => void = () => {};
  /** Runs were due, and memory was full. */
  #isFull = false;
  /** They are due, and could not be loaded. */
  #postponed: readonly string[] = [];
  #stopped = false;

  constructor(parts: WakerParts) {
    this.#parts = parts;
    this.#checking = new Coalesced(
      () => this.#checkAll(),
      (error) => {
        this.#retryLater();
        if (!this.#stopped) parts.observer?.troubled('bringing runs that are due to memory', error);
      },
    );
  }

  /** Something may be due. */
  check(): void {
    this.#checking.ask();
  }

  /** Something is due then. */
  expect(at: number): void {
    // A time that has passed is none to wait for: the clock may have been set beyond it.
    if (this.#alarm !== undefined && this.#alarm.at <= this.#parts.clock.now()) this.check();
    else this.#setAlarm(at);
  }

  /** These are this node's and active, and could not be loaded yet. */
  postpone(runs: readonly string[]): void {
    if (runs.length === 0) return;
    this.#postponed = [...this.#postponed, ...runs];
    if (this.#checking.isUnderWay) this.check();
    else this.#retryLater();
  }

  /** A run left memory. */
  capacityFreed(): void {
    if (this.#isFull) this.check();
  }

  stop(): void {
    this.#stopped = true;
    this.#checking.stop();
    this.#cancelTimers();
  }

  /** Page after page until nothing more is due. */
  async #checkAll(): Promise<void> {
    this.#cancelTimers();
    this.#isFull = false;
    for (;;) {
      const page = await this.#parts.turns.run(() => this.#page());
      if (page === 'more') continue;
      if (this.#postponed.length > 0) this.#retryLater();
      if (page !== null) this.#setAlarm(page);
      return;
    }
  }

  /** When the next run is due; null: that is not known, or none is. */
  async #page(): Promise<'more' | number | null> {
    if (this.#stopped) return null;
    await this.#load([]);
    const { source, clock, capacity } = this.#parts;
    const limit = Math.min(MOST_AT_ONCE, capacity());
    if (limit <= 0) {
      this.#isFull = true;
      return null;
    }
    const { runs, nextAt } = await source.due(clock.now(), limit);
    await this.#load(runs);
    return runs.length === limit ? 'more' : nextAt;
  }

  async #load(runs: readonly string[]): Promise<void> {
    const all = [...this.#postponed, ...runs];
    this.#postponed = all;
    if (all.length > 0) this.#postponed = await this.#parts.source.load(all);
  }

  #setAlarm(at: number): void {
    if (this.#stopped || !Number.isFinite(at)) return;
    if (this.#alarm !== undefined && this.#alarm.at <= at) return;
    this.#alarm?.cancel();
    this.#alarm = { at, cancel: this.#parts.clock.at(at, () => this.check()) };
  }

  #retryLater(): void {
    this.#cancelRetry();
    if (!this.#stopped) this.#cancelRetry = this.#parts.clock.after(AGAIN_MS, () => this.check());
  }

  #cancelTimers(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#cancelRetry();
  }
}
