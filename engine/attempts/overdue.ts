/**
 * A timeout is a promise, and a cancellation too: whether they are kept must not depend on whether
 * the connector's call comes back.
 *
 * A call that was asked to stop is given some time. Then it is given up, and the attempt is settled
 * by the rules, as after a crash of the node in the middle of that call: what may be repeated is
 * timed out or cancelled; what may not happen twice is unknown, looked up by its key, or decided by a
 * person. Its place in the lane is free again; if the call comes back after all, what it tells is
 * heard as far as it is news.
 */
import type { Clock } from '../clock.ts';
import type { Attempt } from '../runs/live-run.ts';

/** A connector that heeds its signal needs milliseconds; one that asks its system to stop, a little more. */
const GRACE_MS = 5_000;

export class Overdue {
  readonly #clock: Clock;
  readonly #giveUp: (attempt: Attempt) => void;
  readonly #watched = new Set<Attempt>();

  constructor(clock: Clock, giveUp: (attempt: Attempt) => void) {
    this.#clock = clock;
    this.#giveUp = giveUp;
  }

  /** It was asked to stop. A field of the class, so that every attempt is given the same function. */
  readonly onStop = (attempt: Attempt): void => {
    if (!attempt.isCalling || attempt.isGivenUp || this.#watched.has(attempt)) return;
    this.#watched.add(attempt);
    this.#clock.after(GRACE_MS, () => {
      this.#watched.delete(attempt);
      if (!attempt.isCalling || attempt.stop === 'shutdown') return;
      attempt.giveUpCall();
      this.#giveUp(attempt);
    });
  };
}
