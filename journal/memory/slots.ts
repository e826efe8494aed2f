/** Slots of pools in memory. */
import type { NodeLease } from '../ownership.ts';
import type { Grant, PoolState, Slots, SlotWant } from '../slots.ts';
import type { MemoryStore } from './store.ts';
import { endedAt, slotKey, wakeAt } from './rows.ts';

const MOST_HOLDERS = 3;
const SOON_MS = 60_000;

export function openSlots(store: MemoryStore): Slots {
  const fenced = (lease: NodeLease, work: () => void): void => {
    if (!store.holds(lease)) return;
    work();
    store.notifier.notify({ about: 'slots' });
  };
  return {
    acquire: async (lease, wants, grant) => take(store, lease, wants, grant),
    release: async (lease, keys) =>
      fenced(lease, () => {
        for (const key of keys) store.slots.delete(slotKey(key));
      }),
    releaseOthers: async (lease, run, keys) =>
      fenced(lease, () => {
        const kept = new Set(keys.map(slotKey));
        for (const [key, want] of store.slots)
          if (want.run === run && !kept.has(key)) store.slots.delete(key);
      }),
  };
}

function take(
  store: MemoryStore,
  lease: NodeLease,
  wants: readonly SlotWant[],
  grant: Grant,
): Awaited<ReturnType<Slots['acquire']>> {
  if (!store.holds(lease)) return { granted: wants.map(() => false), pools: [] };
  const asked = [...new Set(wants.flatMap(({ slots }) => Object.keys(slots)))].toSorted();
  sweep(store);
  const states = new Map(asked.map((pool) => [pool, stateOf(store, pool)]));
  const asking = wants.map((want) => ({ ...want, held: store.slots.has(slotKey(want)) }));
  const granted = grant(asking, states);
  const since = store.now();
  wants.forEach((want, index) => {
    if (granted[index] !== true || asking[index]?.held === true) return;
    const { run, task, attempt, slots } = want;
    store.slots.set(slotKey(want), { run, task, attempt, slots, since });
    for (const [pool, count] of Object.entries(slots)) {
      const state = states.get(pool);
      if (state !== undefined) state.used += count;
    }
  });
  return { granted, pools: [...states.values()] };
}

/** Where nothing is under way, nothing is held. */
function sweep(store: MemoryStore): void {
  for (const [key, { run }] of store.slots) {
    const row = store.rows.get(run);
    if (row === undefined) continue;
    const sleeps = (wakeAt(row) ?? 0) > store.now() + SOON_MS;
    if (endedAt(row) !== null || sleeps) store.slots.delete(key);
  }
}

function stateOf(store: MemoryStore, pool: string): PoolState & { used: number } {
  const holders = [...store.slots.values()].filter(({ slots }) => slots[pool] !== undefined);
  return {
    pool,
    capacity: store.pools.get(pool)?.capacity ?? null,
    used: holders.reduce((sum, { slots }) => sum + (slots[pool] ?? 0), 0),
    holders: holders
      .slice(0, MOST_HOLDERS)
      .map(({ run, task, attempt, since }) => ({ run, task, attempt, since })),
  };
}
