/**
 * A clock that stands still until it is told to move. Callbacks of `soon` run in a macrotask, as
 * on the real machine; timers fire only when the clock is moved to their time.
 */
import type { Clock } from '../../engine/clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

export class SimulatedClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now;
  }

  at(time: number, callback: () => void): () => void {
    const timer = { at: time, order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  after(ms: number, callback: () => void): () => void {
    return this.at(this.#now + ms, callback);
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  /** The earliest time that anybody waits for. */
  get next(): number | undefined {
    return this.#first()?.at;
  }

  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves on, firing what is due in order, and lets everything settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await quiet();
    for (let timer = this.#first(); timer !== undefined && timer.at <= end; timer = this.#first()) {
      this.#now = Math.max(this.#now, timer.at);
      this.#timers.delete(timer);
      timer.callback();
      await quiet();
    }
    this.#now = end;
    await quiet();
  }

  #first(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      const earlier =
        first === undefined ||
        timer.at < first.at ||
        (timer.at === first.at && timer.order < first.order);
      if (earlier) first = timer;
    }
    return first;
  }
}

/** Lets promises and macrotasks run until the simulated world has nothing to do by itself. */
export async function quiet(turns = 12): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
