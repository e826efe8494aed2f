/**
 * Retention in memory. A portion is one kind of what goes: families of runs, then bulk commands,
 * then the feed. It keeps no archives, and says so.
 */
import { TuttiError } from '../../model/errors.ts';
import { NOTHING_RETIRED, type RetentionCounts } from '../../model/retention.ts';
import type { NodeLease } from '../ownership.ts';
import type { RetentionRow, RetentionStore } from '../retentions.ts';
import type { MemoryStore, StoredRetention } from './store.ts';
import { claim, list } from './bulks.ts';
import { cutFeed } from './feed.ts';
import { endedAt, type MemoryRun } from './rows.ts';

export function openRetentions(store: MemoryStore): RetentionStore {
  const end = (id: string, over: Partial<RetentionRow>): void => {
    const stored = store.retentions.get(id);
    if (stored === undefined || stored.row.endedAt !== null) return;
    stored.row = { ...stored.row, endedAt: store.now(), ...over };
  };
  return {
    create: async (lease, retention) => create(store, lease, retention),
    portion: async (lease, id) => portion(store, lease, id),
    fail: async (id, failure) => end(id, { failure }),
    cancel: async (id) => end(id, { cancelledAt: store.now() }),
    claim: async (lease) => claim(store, lease, store.retentions),
    find: async (id) => store.retentions.get(id)?.row ?? null,
    list: async (after, limit) =>
      list(
        [...store.retentions.values()].map(({ row }) => row),
        after,
        limit,
      ),
  };
}

function create(
  store: MemoryStore,
  { node: owner }: NodeLease,
  { id, scope, by }: Parameters<RetentionStore['create']>[1],
): void {
  if (scope.applies && scope.archive !== null) {
    throw new TuttiError('retention.archive', 'A journal in memory keeps no archives.');
  }
  if (store.retentions.has(id)) return;
  const times = { createdAt: store.now(), endedAt: null, cancelledAt: null };
  const row = { id, scope, by, ...times, portions: 0, counts: NOTHING_RETIRED, failure: null };
  store.retentions.set(id, { row, owner, stage: 'runs' });
}

function portion(
  store: MemoryStore,
  lease: NodeLease,
  id: string,
): Awaited<ReturnType<RetentionStore['portion']>> {
  const stored = store.retentions.get(id);
  if (stored === undefined || stored.row.endedAt !== null || !store.holds(lease)) {
    return { more: false, gone: [] };
  }
  const counts = { ...stored.row.counts };
  const gone: string[] = [];
  stored.stage = step(store, stored, counts, gone);
  const over = stored.stage === 'over';
  const portions = stored.row.portions + 1;
  stored.row = { ...stored.row, counts, portions, endedAt: over ? store.now() : null };
  return { more: !over, gone };
}

type Counting = { -readonly [K in keyof RetentionCounts]: number };

function step(
  store: MemoryStore,
  { row: { scope }, stage }: StoredRetention,
  counts: Counting,
  gone: string[],
): StoredRetention['stage'] {
  const before = scope.endedBefore ?? -Infinity;
  switch (stage) {
    case 'runs':
      gone.push(...takeFamilies(store, scope, counts));
      return scope.workflow !== null || scope.endedBefore === null ? 'over' : 'bulks';
    case 'bulks':
      for (const [id, { row }] of store.bulks) {
        if (row.endedAt === null || row.endedAt >= before) continue;
        counts.bulks += 1;
        if (scope.applies) store.bulks.delete(id);
      }
      return 'feed';
    case 'feed':
      counts.feed += cutFeed(store, before, scope.applies);
      return 'over';
    case 'over':
      return 'over';
  }
}

/** Answers the runs that are no more. */
function takeFamilies(
  store: MemoryStore,
  scope: RetentionRow['scope'],
  counts: Counting,
): string[] {
  const endedBefore = scope.endedBefore ?? -Infinity;
  const logsBefore = scope.logsBefore ?? -Infinity;
  const gone: string[] = [];
  const candidates = [...store.rows.values()].filter(
    ({ start }) =>
      start.createdAt < Math.max(endedBefore, logsBefore) &&
      (scope.workflow === null || start.workflow === scope.workflow),
  );
  counts.looked += candidates.length;
  for (const { start } of candidates) {
    if (store.rows.has(start.parent?.run ?? '')) continue;
    const family = familyOf(store, start.id);
    const end = lastEnd(family);
    const ids = new Set(family.map((row) => row.start.id));
    if (end < endedBefore) {
      counts.runs += family.length;
      counts.events += family.reduce((sum, row) => sum + row.events.length, 0);
      if (scope.applies) gone.push(...ids);
    } else if (end >= logsBefore) {
      counts.kept += 1;
      continue;
    }
    counts.logs += takeLogs(store, ids, scope.applies);
  }
  for (const id of gone) store.rows.delete(id);
  for (const [key, { run }] of store.slots) if (gone.includes(run)) store.slots.delete(key);
  return gone;
}

function familyOf(store: MemoryStore, root: string): readonly MemoryRun[] {
  const family = [...store.rows.values()].filter(({ start }) => start.id === root);
  for (const { start } of family) {
    for (const row of store.rows.values()) if (row.start.parent?.run === start.id) family.push(row);
  }
  return family;
}

/** When the last of them ended; never, while one is open. */
function lastEnd(family: readonly MemoryRun[]): number {
  return Math.max(...family.map((row) => endedAt(row) ?? Infinity));
}

function takeLogs(store: MemoryStore, runs: ReadonlySet<string>, applies: boolean): number {
  const keys = [...store.logs].flatMap(([key, { run }]) => (runs.has(run) ? [key] : []));
  if (applies) for (const key of keys) store.logs.delete(key);
  return keys.length;
}
