/** Keeps the node's lease alive, and notices when it is lost: then this node may not write any more. */
import type { Journal, NodeLease } from '../journal/journal.ts';
import type { Clock } from './clock.ts';

export class LeaseKeeper {
  readonly #journal: Journal;
  readonly #lease: NodeLease;
  readonly #leaseMs: number;
  readonly #clock: Clock;
  readonly #lost: () => void;
  readonly #renewed: () => void;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(
    journal: Journal,
    lease: NodeLease,
    leaseMs: number,
    clock: Clock,
    lost: () => void,
    renewed: () => void = () => {},
  ) {
    this.#journal = journal;
    this.#lease = lease;
    this.#leaseMs = leaseMs;
    this.#clock = clock;
    this.#lost = lost;
    this.#renewed = renewed;
  }

  start(): void {
    this.#cancel = this.#clock.at(this.#clock.now() + this.#leaseMs / 3, () => void this.#renew());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #renew(): Promise<void> {
    try {
      const { kept } = await this.#journal.renew(this.#lease, this.#leaseMs);
      if (!kept && !this.#stopped) {
        this.#lost();
        return;
      }
      this.#renewed();
    } catch {
      // The database cannot be reached: nobody can take the lease either while that lasts, and
      // the epoch in every append decides who may write when it is back.
    }
    if (!this.#stopped) this.start();
  }
}
