/**
 * Those who wait for news of a run. A run in this node's memory tells them itself; of a run of
 * another node they learn by the notification `feed`: then the journal is asked about each of them.
 *
 * Notifications come often and followers may be many, so that the asking is kept to a tenth of the time: a
 * round that took long makes the next one wait.
 */
import type { Clock } from '../clock.ts';

const AT_ONCE = 8;
/** A node that has just come is known to the others after a while: until then they do not notify it. */
const SECOND_LOOK_MS = 5_000;
const PAUSE_FACTOR = 10;

interface Follower {
  /** Whether what it waits for stands in the journal. */
  readonly isThere: () => Promise<boolean>;
  /** By a number of durable events, without asking. */
  readonly knows: (durable: number) => boolean;
  readonly wake: () => void;
}

export class Followers {
  readonly #byRun = new Map<string, Set<Follower>>();
  readonly #clock: Clock;
  /** Runs in memory need no asking. */
  readonly #isLive: (run: string) => boolean;
  #looking = false;
  #again = false;

  constructor(clock: Clock, isLive: (run: string) => boolean) {
    this.#clock = clock;
    this.#isLive = isLive;
  }

  /** Resolves when it is there, or when `signal` aborts. */
  async wait(
    run: string,
    signal: AbortSignal,
    what: Pick<Follower, 'isThere' | 'knows'>,
  ): Promise<void> {
    if (signal.aborted) return;
    const { promise: news, resolve: wake } = signalled();
    const follower: Follower = { ...what, wake };
    const followers = this.#byRun.get(run) ?? new Set<Follower>();
    this.#byRun.set(run, followers.add(follower));
    signal.addEventListener('abort', wake, { once: true });
    const secondLook = this.#clock.after(SECOND_LOOK_MS, () => {
      if (!this.#isLive(run)) void this.#askOf(follower);
    });
    try {
      // It may have come between the caller's look and this moment.
      if (await what.isThere()) return;
      await news;
    } finally {
      secondLook();
      signal.removeEventListener('abort', wake);
      followers.delete(follower);
      if (followers.size === 0 && this.#byRun.get(run) === followers) this.#byRun.delete(run);
    }
  }

  /** Events of the run up to `durable` (exclusive) are in the journal. */
  noticed(run: string, durable: number): void {
    if (this.#byRun.size === 0) return;
    for (const follower of this.#byRun.get(run) ?? []) {
      if (follower.knows(durable)) follower.wake();
    }
  }

  /** Other nodes have written. */
  look(): void {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    if (this.#byRun.size === 0) return;
    this.#looking = true;
    const began = this.#clock.elapsed();
    void this.#ask().finally(() => {
      const tookMs = this.#clock.elapsed() - began;
      if (tookMs > 0) this.#clock.after(PAUSE_FACTOR * tookMs, () => this.#rested());
      else this.#rested();
    });
  }

  #rested(): void {
    this.#looking = false;
    if (!this.#again) return;
    this.#again = false;
    this.look();
  }

  async #ask(): Promise<void> {
    const all = [...this.#byRun]
      .filter(([run]) => !this.#isLive(run))
      .flatMap(([, followers]) => [...followers]);
    for (let i = 0; i < all.length; i += AT_ONCE) {
      await Promise.all(all.slice(i, i + AT_ONCE).map((follower) => this.#askOf(follower)));
    }
  }

  async #askOf(follower: Follower): Promise<void> {
    // Whoever cannot be answered now is asked about again at the next notification, or at `resync`.
    if (await follower.isThere().catch(() => false)) follower.wake();
  }
}

export function signalled(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
