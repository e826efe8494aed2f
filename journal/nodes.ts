/** The nodes of one journal, as people look at them, and what all of them share. */

export const OPEN_COUNTED_MAX = 10_000;

export interface NodeRow {
  readonly node: number;
  readonly name: string;
  readonly epoch: number;
  readonly url: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  /** By the database's clock. 0: given back or taken away. */
  readonly leaseUntil: number;
  /** By the database's clock: whether the lease has not ended. */
  readonly alive: boolean;
  readonly registeredAt: number | null;
  /** Open runs that it owns, in memory and asleep; counted to `OPEN_COUNTED_MAX`. */
  readonly active: number;
  readonly asleep: number;
}

export interface Nodes {
  /** A secret that only the nodes of this database share. */
  nodeKey(): Promise<Uint8Array>;
}

export interface NodeViews {
  nodes(): Promise<readonly NodeRow[]>;
}
