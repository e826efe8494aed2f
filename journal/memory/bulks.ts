/** Commands on many runs, in memory. */
import { BULK_MAX, type BulkFilter, type BulkRow, type BulkStore } from '../bulks.ts';
import type { NodeLease } from '../ownership.ts';
import { clampLimit, type Page, readCursor, writeCursor } from '../page.ts';
import type { MemoryStore, StoredBulk } from './store.ts';
import { compare } from './rows.ts';
import { runsOf } from './runs.ts';

export function openBulks(store: MemoryStore): BulkStore {
  return {
    count: async (filter) => idsOf(store, filter).length,
    create: async (lease, bulk) => create(store, lease, bulk),
    open: async (bulk, limit) => {
      const stored = store.bulks.get(bulk);
      if (stored === undefined || stored.row.cancelledAt !== null) return [];
      return [...stored.outcomes]
        .flatMap(([run, outcome]) => (outcome === null ? [run] : []))
        .toSorted()
        .slice(0, limit);
    },
    report: async (bulk, outcomes) => report(store, bulk, outcomes),
    cancel: async (bulk) => {
      const stored = store.bulks.get(bulk);
      if (stored === undefined || stored.row.endedAt !== null) return;
      stored.row = { ...stored.row, cancelledAt: store.now(), endedAt: store.now() };
    },
    claim: async (lease) => claim(store, lease, store.bulks),
    find: async (bulk) => store.bulks.get(bulk)?.row ?? null,
    list: async (after, limit) =>
      list(
        [...store.bulks.values()].map(({ row }) => row),
        after,
        limit,
      ),
    refusals: async (bulk, limit) =>
      [...(store.bulks.get(bulk)?.outcomes ?? [])]
        .flatMap(([run, each]) =>
          each === null || each.outcome === 'done' ? [] : [{ run, ...each }],
        )
        .toSorted((a, b) => compare(a.run, b.run))
        .slice(0, limit),
  };
}

/** One more than `BULK_MAX` at most. */
function idsOf(store: MemoryStore, filter: BulkFilter): string[] {
  return runsOf(store, filter)
    .map(({ start }) => start.id)
    .slice(0, BULK_MAX + 1);
}

function create(
  store: MemoryStore,
  lease: NodeLease,
  { id, verb, filter, by, expected }: Parameters<BulkStore['create']>[1],
): Awaited<ReturnType<BulkStore['create']>> {
  const known = store.bulks.get(id);
  if (known !== undefined) return { created: true, total: known.row.total };
  const runs = idsOf(store, filter);
  const total = runs.length;
  if (total > BULK_MAX || (expected !== undefined && expected !== total))
    return { created: false, total };
  const now = store.now();
  const begun = { createdAt: now, endedAt: total === 0 ? now : null, cancelledAt: null };
  const row: BulkRow = { id, verb, filter, by, ...begun, total, done: 0, refused: 0 };
  const outcomes: StoredBulk['outcomes'] = new Map(runs.map((run) => [run, null]));
  store.bulks.set(id, { row, owner: lease.node, outcomes });
  return { created: true, total };
}

function report(
  store: MemoryStore,
  bulk: string,
  outcomes: Parameters<BulkStore['report']>[1],
): void {
  const stored = store.bulks.get(bulk);
  if (stored === undefined) return;
  for (const { run, outcome, message } of outcomes) {
    if (stored.outcomes.get(run) === null) stored.outcomes.set(run, { outcome, message });
  }
  const tried = [...stored.outcomes.values()].filter((each) => each !== null);
  const done = tried.filter(({ outcome }) => outcome === 'done').length;
  const over = tried.length >= stored.row.total;
  const endedAt = over ? store.now() : stored.row.endedAt;
  stored.row = { ...stored.row, done, refused: tried.length - done, endedAt };
}

interface Work {
  readonly row: { readonly endedAt: number | null };
  owner: number;
}

/** Open ones that no living node works on, and this node's own. */
export function claim(
  store: MemoryStore,
  lease: NodeLease,
  works: ReadonlyMap<string, Work>,
): readonly string[] {
  if (!store.holds(lease)) return [];
  return [...works].flatMap(([id, work]) => {
    const free = work.owner === lease.node || store.isGone(work.owner);
    if (work.row.endedAt !== null || !free) return [];
    work.owner = lease.node;
    return [id];
  });
}

interface Listed {
  readonly id: string;
  readonly createdAt: number;
}

/** The newest first. */
export function list<T extends Listed>(
  rows: readonly T[],
  after: string | null,
  limit: number,
): Page<T> {
  const [at, id] = after === null ? [Infinity, ''] : readCursor(after, ['number', 'id']);
  const older = rows
    .filter((row) => row.createdAt < Number(at) || (row.createdAt === at && row.id < String(id)))
    .toSorted((a, b) => b.createdAt - a.createdAt || compare(b.id, a.id));
  const items = older.slice(0, clampLimit(limit));
  const last = items.at(-1);
  const more = older.length > items.length && last !== undefined;
  return { items, next: more ? writeCursor([last.createdAt, last.id]) : null };
}
