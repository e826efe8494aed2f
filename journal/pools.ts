/** Pools: those that workflows declare for themselves, and those that are documents of their own. */
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
  /** Workflows that declared it when that meant to share it, and have not been deployed again. */
  readonly sharedBy: readonly string[];
}

export interface PoolStore {
  /** Stores the next version of a pool that is a document of its own, or returns the newest one when nothing changed. */
  deployPool(version: PoolVersion): Promise<{ version: number; changed: boolean }>;
  /** In the order of their names. */
  pools(): Promise<readonly PoolRow[]>;
}
