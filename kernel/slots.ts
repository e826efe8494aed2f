/**
 * Who is granted slots of pools. Those who want are served in order: none passes that waits for a
 * pool that the one before waits for, too, so a large want cannot starve behind small ones. Who
 * wants more than there is waits for the pool to be made larger, and holds no other up.
 *
 * The rule is handed to the journal, which asks it between reading what is taken and writing what
 * is granted, while it holds the pools.
 */
interface SlotsWanted {
  /** By pool: how many. */
  readonly slots: Readonly<Record<string, number>>;
  /** It has them already. */
  readonly held: boolean;
}

interface PoolUse {
  readonly used: number;
  /** null: there is no such pool. */
  readonly capacity: number | null;
}

/** For each of them, in order. */
export function grant(
  wants: readonly SlotsWanted[],
  pools: ReadonlyMap<string, PoolUse>,
): boolean[] {
  const blocked = new Set<string>();
  const used = new Map(Array.from(pools, ([pool, each]) => [pool, each.used]));
  const capacityOf = (pool: string): number => pools.get(pool)?.capacity ?? 0;
  return wants.map(({ slots, held }) => {
    if (held) return true;
    const wanted = Object.entries(slots);
    const full = wanted.filter(
      ([pool, count]) => blocked.has(pool) || (used.get(pool) ?? 0) + count > capacityOf(pool),
    );
    const never = full.some(([pool, count]) => count > capacityOf(pool));
    if (!never) for (const [pool] of full) blocked.add(pool);
    if (full.length > 0) return false;
    for (const [pool, count] of wanted) used.set(pool, (used.get(pool) ?? 0) + count);
    return true;
  });
}
