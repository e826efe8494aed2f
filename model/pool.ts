/**
 * Pools: what tasks hold slots of while they run. A pool that a workflow declares is its own, and
 * known beside those of others as `workflow/pool`; one that is a document is shared by workflows.
 */
export interface PoolDefinition {
  readonly name: string;
  readonly slots: number;
  readonly title?: string;
  readonly description?: string;
  readonly owner?: string;
}

/** No name holds a slash, so a private pool never has the name of a shared one. */
export function privatePool(workflow: string, pool: string): string {
  return `${workflow}/${pool}`;
}

export function isPrivate(pool: string): boolean {
  return pool.includes('/');
}

/** `pool "dock" of workflow "ships"`, or `shared pool "dock"`. */
export function poolName(pool: string): string {
  const slash = pool.indexOf('/');
  if (slash < 0) return `pool "${pool}"`;
  return `pool "${pool.slice(slash + 1)}" of workflow "${pool.slice(0, slash)}"`;
}

/** A shared pool as it is, or as it will be. `sharedBy`: workflows that declared it before it was private to each. */
export interface SharedPool {
  readonly slots: number;
  readonly sharedBy: readonly string[];
  /** False while it is only what workflows of before left. */
  readonly isDocument: boolean;
}
