/**
 * Whether this node may judge others, that is: fence those whose lease has ended.
 *
 * Who could not renew its own lease in time is no judge: the database was away from the others, too,
 * and the first to find it again would fence all who are a moment later. It may judge again when it
 * has renewed in time for so long that the others must have found the database.
 *
 *   renews in time ── two thirds of the lease pass without a renewal ──► may not judge
 *        ▲                                                                   │ a renewal
 *        └───────────── the grace passes, renewed in time ◄──────────────────┘
 */

/** How much later than this node others may find a database that was away from all. */
const GRACE_MS = 10_000;

export class Judgement {
  readonly #leaseMs: number;
  #renewedAt = -Infinity;
  /** When renewing became steady again. */
  #steadySince = -Infinity;

  /** All times are of one clock that counts on and cannot be set, in milliseconds. */
  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  registered(at: number): void {
    this.#renewedAt = at;
  }

  renewed(at: number): void {
    if (this.#isLate(at)) this.#steadySince = at;
    this.#renewedAt = at;
  }

  /** In how many milliseconds it may judge; 0: now. */
  inMs(now: number): number {
    const graceMs = Math.max(this.#leaseMs, GRACE_MS);
    if (this.#isLate(now)) return graceMs;
    return Math.max(0, this.#steadySince + graceMs - now);
  }

  /** A lease is renewed after a third of it. */
  #isLate(now: number): boolean {
    return now - this.#renewedAt > (this.#leaseMs * 2) / 3;
  }
}
