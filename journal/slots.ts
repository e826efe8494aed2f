/** Slots of pools, shared by all nodes: leases of attempts, counted afresh by each acquire. */
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

/**
 * Who of them, in the order given, is granted what they want: the rule is the kernel's. `held`: it
 * has its slots already. Pools that are not there are left out, or have no capacity.
 */
export type Grant = (
  wants: readonly { readonly slots: SlotWant['slots']; readonly held: boolean }[],
  pools: ReadonlyMap<string, { readonly used: number; readonly capacity: number | null }>,
) => readonly boolean[];

export interface Slots {
  /**
   * Takes what `grant` grants: it is asked about the pools as they are, and no other node acquires of
   * them until that is written. Nothing is granted to a node that was fenced. In a run that has
   * ended, or sleeps for more than a minute, nothing is held any more. `pools`: those that are
   * wanted, as they stand after this.
   */
  acquire(
    lease: NodeLease,
    wants: readonly SlotWant[],
    grant: Grant,
  ): Promise<{ readonly granted: readonly boolean[]; readonly pools: readonly PoolState[] }>;
  /** Gives back what these attempts hold. Notifies `slots`. */
  release(lease: NodeLease, keys: readonly SlotKey[]): Promise<void>;
  /** Gives back what the run holds, but for these attempts of it. Notifies `slots`. */
  releaseOthers(lease: NodeLease, run: string, keys: readonly SlotKey[]): Promise<void>;
}
