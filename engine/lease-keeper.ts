/**
 * Keeps the node's lease alive, notices when it is lost (then this node may not write any more),
 * and hears with each renewal when the leases of the others end.
 */
import type { Journal, NodeLease } from '../journal/journal.ts';
import type { Clock } from './clock.ts';

export interface KeeperParts {
  readonly journal: Journal;
  readonly lease: NodeLease;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly lost: () => void;
  /** The first lease of another node ends in so many milliseconds; null: there is none. */
  readonly renewed: (othersEndInMs: number | null) => void;
}

export class LeaseKeeper {
  readonly #parts: KeeperParts;
  #cancel: () => void = () => {};
  #renewing = false;
  #stopped = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock, leaseMs } = this.#parts;
    this.#cancel();
    if (!this.#stopped) {
      this.#cancel = clock.at(clock.now() + leaseMs / 3, () => void this.renew());
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async renew(): Promise<void> {
    if (this.#renewing || this.#stopped) return;
    this.#renewing = true;
    const { journal, lease, leaseMs } = this.#parts;
    try {
      const { kept, othersEndInMs } = await journal.renew(lease, leaseMs);
      if (this.#stopped) return;
      if (kept) this.#parts.renewed(othersEndInMs);
      else this.#parts.lost();
    } catch {
      // The database cannot be reached: nobody can take the lease either while that lasts, and
      // the epoch in every append decides who may write when it is back.
    } finally {
      this.#renewing = false;
      this.start();
    }
  }
}
