/**
 * Keeps the node's lease alive, notices when it is lost (then this node may not write any more),
 * and hears with each renewal when the leases of the others end.
 */
import type { Journal } from '../../journal/journal.ts';
import type { NodeLease } from '../../journal/ownership.ts';
import type { Clock } from '../clock.ts';

export interface KeeperParts {
  readonly journal: Journal;
  readonly lease: NodeLease;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly lost: () => void;
  /** The first lease of another node ends in so many milliseconds; null: there is none. */
  readonly renewed: (othersEndInMs: number | null) => void;
}

/** A moment by both clocks: one can be set, the other may stand still while the machine sleeps. */
export interface Moment {
  readonly now: number;
  readonly elapsed: number;
}

export class LeaseKeeper {
  readonly #parts: KeeperParts;
  #cancel: () => void = () => {};
  #renewing = false;
  #stopped = false;
  /** When the lease was last asked for that was given. */
  #askedAt: Moment;
  #waiting: (() => void)[] = [];

  constructor(parts: KeeperParts, askedAt: Moment) {
    this.#parts = parts;
    this.#askedAt = askedAt;
  }

  /** The lease that was asked for then has not ended yet: nobody can have taken it. */
  get isSure(): boolean {
    const { clock, leaseMs } = this.#parts;
    const { now, elapsed } = this.#askedAt;
    return clock.now() - now < leaseMs && clock.elapsed() - elapsed < leaseMs;
  }

  /** Resolves when the lease is sure again: true; or lost, or given back: false. */
  async sure(): Promise<boolean> {
    void this.renew();
    while (!this.isSure && !this.#stopped) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return !this.#stopped;
  }

  start(): void {
    const { clock, leaseMs } = this.#parts;
    this.#cancel();
    if (!this.#stopped) {
      this.#cancel = clock.after(leaseMs / 3, () => void this.renew());
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#tell();
  }

  async renew(): Promise<void> {
    if (this.#renewing || this.#stopped) return;
    this.#renewing = true;
    const { journal, lease, leaseMs, clock } = this.#parts;
    const askedAt = { now: clock.now(), elapsed: clock.elapsed() };
    try {
      const { kept, othersEndInMs } = await journal.renew(lease, leaseMs);
      if (this.#stopped) return;
      if (kept) this.#askedAt = askedAt;
      if (kept) this.#parts.renewed(othersEndInMs);
      else this.#parts.lost();
    } catch {
      // The database cannot be reached: nobody can take the lease either while that lasts, and
      // the epoch in every append decides who may write when it is back.
    } finally {
      this.#renewing = false;
      this.start();
      this.#tell();
    }
  }

  #tell(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
