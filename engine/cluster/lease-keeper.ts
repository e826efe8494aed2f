/**
 * Keeps the node's lease alive, notices when it is lost (then this node may not write any more),
 * and learns with each renewal when the leases of the others end.
 *
 *   renewed ── a third of the lease ──► asked for again ── kept ──► renewed
 *                                            │  └── another has it ──► lost, for good
 *                                            └── no answer: asked for again after a third; the lease
 *                                                is sure only until its length has passed since the
 *                                                last question that was answered
 */
import type { Journal } from '../../journal/journal.ts';
import { Coalesced } from '../../model/coalesced.ts';
import { waitFor } from '../../model/wait-for.ts';
import type { Clock } from '../clock.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';

export interface LeaseListener {
  /** The first lease of another node ends in so many milliseconds; null: there is none. */
  renewed(othersEndInMs: number | null): void;
  /** Another process has this node's lease. */
  lost(): void;
}

interface KeeperParts {
  readonly journal: Pick<Journal, 'renew'>;
  readonly identity: NodeIdentity;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly listener: LeaseListener;
  readonly observer: Observer | undefined;
}

/** A moment by both clocks: one can be set, the other may stand still while the machine sleeps. */
export interface Moment {
  readonly now: number;
  readonly elapsed: number;
}

export class LeaseKeeper {
  readonly #parts: KeeperParts;
  readonly #renewing: Coalesced;
  #cancelNext: () => void = () => {};
  #stopped = false;
  /** When the lease was last asked for that was given. */
  #askedAt: Moment = { now: -Infinity, elapsed: -Infinity };
  readonly #waiting = new Set<() => void>();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#renewing = new Coalesced(
      () => this.#renew(),
      // While the database cannot be reached, no other node can take the lease either, and the epoch
      // in every append decides who may write when it is back.
      (error) => {
        if (!this.#stopped) parts.observer?.troubled("renewing this node's lease", error);
      },
    );
  }

  /** The node has its lease, and asked for it then. */
  registered(askedAt: Moment): void {
    this.#askedAt = askedAt;
    this.#renewLater();
  }

  /** The lease that was asked for then has not ended yet: no other process can have taken it. */
  get isSure(): boolean {
    const { clock, leaseMs } = this.#parts;
    const { now, elapsed } = this.#askedAt;
    return clock.now() - now < leaseMs && clock.elapsed() - elapsed < leaseMs;
  }

  /** Resolves when the lease is sure again: true; or lost, or given back: false. */
  async untilSure(): Promise<boolean> {
    void this.renew();
    while (!this.isSure && !this.#stopped) {
      await waitFor(undefined, (wake) => {
        this.#waiting.add(wake);
        return () => this.#waiting.delete(wake);
      });
    }
    return !this.#stopped;
  }

  /** Renews out of turn. Resolves when that was tried. */
  renew(): Promise<void> {
    this.#renewing.ask();
    return this.#renewing.idle();
  }

  stop(): void {
    this.#stopped = true;
    this.#renewing.stop();
    this.#cancelNext();
    this.#wakeAll();
  }

  async #renew(): Promise<void> {
    const { journal, identity, leaseMs, clock, listener } = this.#parts;
    const askedAt = { now: clock.now(), elapsed: clock.elapsed() };
    try {
      const { kept, othersEndInMs } = await journal.renew(identity.lease, leaseMs);
      if (this.#stopped) return;
      if (kept) {
        this.#askedAt = askedAt;
        listener.renewed(othersEndInMs);
      } else {
        listener.lost();
      }
    } finally {
      this.#renewLater();
      this.#wakeAll();
    }
  }

  #renewLater(): void {
    const { clock, leaseMs } = this.#parts;
    this.#cancelNext();
    if (!this.#stopped) this.#cancelNext = clock.after(leaseMs / 3, () => void this.renew());
  }

  #wakeAll(): void {
    for (const wake of this.#waiting) wake();
  }
}
