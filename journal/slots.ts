/** Slots of pools, shared by all nodes: leases of attempts, counted afresh by whoever takes. */
import type { NodeLease } from './ownership.ts';

/** An attempt that holds slots. */
export interface SlotKey {
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
}

export interface SlotWant extends SlotKey {
  /** By pool: how many. */
  readonly slots: Readonly<Record<string, number>>;
}

export interface PoolState {
  readonly pool: string;
  /** null: no deployed workflow declares it. */
  readonly capacity: number | null;
  readonly used: number;
  /** Some of those who hold slots, the longest first. */
  readonly holders: readonly (SlotKey & { readonly since: number })[];
}

export interface Slots {
  /**
   * Grants, in the order given, what fits into all its pools; nobody overtakes one who waits for
   * the same pool. An attempt that has its slots already is granted them. Nothing is granted to a
   * node that was fenced. `pools`: how it stands after this.
   */
  take(
    lease: NodeLease,
    wants: readonly SlotWant[],
  ): Promise<{ readonly granted: readonly boolean[]; readonly pools: readonly PoolState[] }>;
  /** Gives back what these attempts hold. Rings `slots`. */
  give(lease: NodeLease, keys: readonly SlotKey[]): Promise<void>;
  /** Gives back what the run holds, but for these attempts of it. Rings `slots`. */
  keep(lease: NodeLease, run: string, keys: readonly SlotKey[]): Promise<void>;
}
