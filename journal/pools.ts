/** Pools and who holds slots of them, as rows: a part of the port. */
import type { PoolDefinition } from '../model/pool.ts';
import type { By } from '../model/run.ts';

export interface PoolVersion {
  readonly pool: PoolDefinition;
  /** The file as it was written. */
  readonly source: string;
  readonly deployedAt: number;
  readonly by: By;
}

export interface PoolRow {
  /** `workflow/pool` for one that a workflow declares for itself. */
  readonly name: string;
  readonly capacity: number;
  readonly used: number;
  readonly workflow: string | null;
  readonly title: string | null;
  readonly owner: string | null;
  /** 0: it is no document, only what workflows of before declared. */
  readonly version: number;
  /** Workflows that declared it when that meant to share it, and have not been deployed anew. */
  readonly sharedBy: readonly string[];
}

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
