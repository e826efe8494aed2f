/**
 * Wakes sleeping runs when they are due (and when there is room in memory for them). It is moved
 * by three signals: a run that goes to sleep, a run that leaves memory, the time that the journal
 * names as the next. Nothing is swept.
 */
import type { Journal, NodeLease } from '../journal/journal.ts';
import type { Clock } from './clock.ts';

const MOST_AT_ONCE = 500;

export class Waker {
  readonly #journal: Journal;
  readonly #lease: NodeLease;
  readonly #clock: Clock;
  /** How many more runs memory has room for. */
  readonly #room: () => number;
  readonly #wake: (run: string) => Promise<void>;
  #next: { readonly at: number; readonly cancel: () => void } | undefined;
  #looking = false;
  #again = false;
  /** Runs were due that found no room. */
  #crowded = false;
  #stopped = false;

  constructor(
    journal: Journal,
    lease: NodeLease,
    clock: Clock,
    room: () => number,
    wake: (run: string) => Promise<void>,
  ) {
    this.#journal = journal;
    this.#lease = lease;
    this.#clock = clock;
    this.#room = room;
    this.#wake = wake;
  }

  /** A run sleeps until then. */
  expect(at: number): void {
    if (this.#stopped || !Number.isFinite(at)) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    if (this.#next !== undefined && this.#next.at <= at) return;
    this.#next?.cancel();
    this.#next = { at, cancel: this.#clock.at(at, () => this.look()) };
  }

  /** A run left memory. */
  roomier(): void {
    if (this.#crowded) this.look();
  }

  look(): void {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    void this.#lookAround().finally(() => {
      this.#looking = false;
      if (this.#again && !this.#stopped) {
        this.#again = false;
        this.look();
      }
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#next?.cancel();
  }

  async #lookAround(): Promise<void> {
    this.#next?.cancel();
    this.#next = undefined;
    this.#crowded = false;
    for (;;) {
      if (this.#stopped) return;
      const limit = Math.min(MOST_AT_ONCE, this.#room());
      if (limit <= 0) {
        this.#crowded = true;
        return;
      }
      const { due, nextAt } = await this.#journal.dueRuns(this.#lease, this.#clock.now(), limit);
      await Promise.all(due.map((run) => this.#wake(run)));
      if (due.length === limit) continue;
      if (nextAt !== null && !this.#stopped) {
        this.#next = { at: nextAt, cancel: this.#clock.at(nextAt, () => this.look()) };
      }
      return;
    }
  }
}
