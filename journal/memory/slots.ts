/** Slots of pools in memory. */
import type { NodeLease } from '../ownership.ts';
import type { Grant, PoolState, Slots, SlotWant } from '../slots.ts';
import type { Book } from './book.ts';
import { endedAt, slotKey, wakeAt } from './rows.ts';

const MOST_HOLDERS = 3;
const SOON_MS = 60_000;

export function openSlots(book: Book): Slots {
  const fenced = (lease: NodeLease, work: () => void): void => {
    if (!book.holds(lease)) return;
    work();
    book.notifier.notify({ about: 'slots' });
  };
  return {
    take: async (lease, wants, grant) => take(book, lease, wants, grant),
    give: async (lease, keys) =>
      fenced(lease, () => {
        for (const key of keys) book.slots.delete(slotKey(key));
      }),
    keep: async (lease, run, keys) =>
      fenced(lease, () => {
        const kept = new Set(keys.map(slotKey));
        for (const [key, want] of book.slots)
          if (want.run === run && !kept.has(key)) book.slots.delete(key);
      }),
  };
}

function take(
  book: Book,
  lease: NodeLease,
  wants: readonly SlotWant[],
  grant: Grant,
): Awaited<ReturnType<Slots['take']>> {
  if (!book.holds(lease)) return { granted: wants.map(() => false), pools: [] };
  const asked = [...new Set(wants.flatMap(({ slots }) => Object.keys(slots)))].toSorted();
  sweep(book);
  const states = new Map(asked.map((pool) => [pool, stateOf(book, pool)]));
  const asking = wants.map((want) => ({ ...want, held: book.slots.has(slotKey(want)) }));
  const granted = grant(asking, states);
  const since = book.now();
  wants.forEach((want, index) => {
    if (granted[index] !== true || asking[index]?.held === true) return;
    const { run, task, attempt, slots } = want;
    book.slots.set(slotKey(want), { run, task, attempt, slots, since });
    for (const [pool, count] of Object.entries(slots)) {
      const state = states.get(pool);
      if (state !== undefined) state.used += count;
    }
  });
  return { granted, pools: [...states.values()] };
}

/** Where nothing is under way, nothing is held. */
function sweep(book: Book): void {
  for (const [key, { run }] of book.slots) {
    const row = book.rows.get(run);
    if (row === undefined) continue;
    const sleeps = (wakeAt(row) ?? 0) > book.now() + SOON_MS;
    if (endedAt(row) !== null || sleeps) book.slots.delete(key);
  }
}

function stateOf(book: Book, pool: string): PoolState & { used: number } {
  const holders = [...book.slots.values()].filter(({ slots }) => slots[pool] !== undefined);
  return {
    pool,
    capacity: book.pools.get(pool)?.capacity ?? null,
    used: holders.reduce((sum, { slots }) => sum + (slots[pool] ?? 0), 0),
    holders: holders
      .slice(0, MOST_HOLDERS)
      .map(({ run, task, attempt, since }) => ({ run, task, attempt, since })),
  };
}
