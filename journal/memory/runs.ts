/** Runs in memory: what the engine loads, sets aside and takes back, and how people look at them. */
import type { RunSummary } from '../../model/run.ts';
import type { BulkFilter } from '../bulks.ts';
import type { NodeLease } from '../ownership.ts';
import { clampLimit, type Page, readCursor, writeCursor } from '../page.ts';
import { isRunId, type RunFilter, type RunStore, type RunViews, type StoredRun } from '../runs.ts';
import type { MemoryStore } from './store.ts';
import { compare, endedAt, type MemoryRun, statusOf, summary, wakeAt } from './rows.ts';

const REASON_CHARACTERS = 1_000;

export function load(store: MemoryStore, run: string): StoredRun | null {
  const row = store.rows.get(run);
  if (row === undefined) return null;
  return {
    summary: summary(row),
    owner: row.owner,
    wakeAt: wakeAt(row),
    events: [...row.events],
  };
}

export function cancellingAbove(store: MemoryStore, run: string): string | null {
  let row = store.rows.get(run);
  while (row !== undefined && endedAt(row) === null) {
    if (statusOf(row) === 'cancelling') return row.start.id;
    row = store.rows.get(row.start.parent?.run ?? '');
  }
  return null;
}

function openOf(store: MemoryStore, { node }: NodeLease): [string, MemoryRun][] {
  return [...store.rows].filter(([, row]) => row.owner === node && endedAt(row) === null);
}

export function activeRuns(
  store: MemoryStore,
  lease: NodeLease,
  after: string | null,
  limit: number,
): readonly string[] {
  return openOf(store, lease)
    .filter(([id, row]) => wakeAt(row) === null && (after === null || id > after))
    .map(([id]) => id)
    .toSorted()
    .slice(0, limit);
}

export function dueRuns(
  store: MemoryStore,
  lease: NodeLease,
  now: number,
  limit: number,
): Awaited<ReturnType<RunStore['dueRuns']>> {
  const asleep = openOf(store, lease)
    .flatMap(([id, row]) => {
      const at = wakeAt(row);
      return at === null ? [] : [{ id, at }];
    })
    .toSorted((a, b) => a.at - b.at);
  const later = asleep.find(({ at }) => at > now);
  return {
    due: asleep
      .filter(({ at }) => at <= now)
      .slice(0, limit)
      .map(({ id }) => id),
    nextAt: later === undefined || !Number.isFinite(later.at) ? null : later.at,
  };
}

export function setAside(store: MemoryStore, lease: NodeLease, run: string, reason: string): void {
  const row = store.rows.get(run);
  if (row === undefined || !store.holds(lease) || row.owner !== lease.node) return;
  row.aside = reason.slice(0, REASON_CHARACTERS);
  row.owner = null;
  if (endedAt(row) === null) {
    row.awake = false;
    const { id, status, version, total } = row.start;
    const counted = { run: id, status, version, total, ended: 0, failed: 0, endedAt: null };
    row.update = { ...counted, ...row.update, wakeAt: Infinity };
  }
  store.notifier.notify({ about: 'slots' });
}

export function reinstate(store: MemoryStore, lease: NodeLease, run: string): boolean {
  const row = store.rows.get(run);
  if (row?.aside === undefined || row.owner !== null || !store.holds(lease)) return false;
  row.aside = undefined;
  row.owner = lease.node;
  row.awake = true;
  return true;
}

/** Runs that a filter finds, the newest first. */
export function runsOf(store: MemoryStore, filter: BulkFilter): readonly MemoryRun[] {
  return [...store.rows.values()]
    .filter((row) => fits(row, filter))
    .toSorted(({ start: a }, { start: b }) => b.createdAt - a.createdAt || compare(b.id, a.id));
}

function fits(row: MemoryRun, filter: BulkFilter): boolean {
  const { start } = row;
  const { workflow, statuses, parent, key, businessDate, from, until } = filter;
  return (
    (workflow === undefined || start.workflow === workflow) &&
    (statuses === undefined || statuses.includes(statusOf(row))) &&
    (parent === undefined || start.parent?.run === parent) &&
    (key === undefined || start.key === key) &&
    (businessDate === undefined || start.businessDate === businessDate) &&
    start.createdAt >= (from ?? -Infinity) &&
    start.createdAt < (until ?? Infinity)
  );
}

function listRuns(store: MemoryStore, filter: RunFilter): Page<RunSummary> {
  const { after, limit } = filter;
  const [at, id] = after === undefined ? [Infinity, ''] : readCursor(after, ['number', 'id']);
  const later = runsOf(store, filter).filter(
    ({ start }) =>
      start.createdAt < Number(at) || (start.createdAt === at && start.id < String(id)),
  );
  const items = later.slice(0, clampLimit(limit));
  const last = items.at(-1);
  const more = later.length > items.length && last !== undefined;
  return {
    items: items.map(summary),
    next: more ? writeCursor([last.start.createdAt, last.start.id]) : null,
  };
}

function runsByPrefix(store: MemoryStore, prefix: string): readonly string[] {
  if (!/^[0-9a-f]{1,32}$/i.test(prefix.replaceAll('-', ''))) return [];
  return [...store.rows.keys()]
    .filter((id) => id.startsWith(prefix.toLowerCase()))
    .toSorted()
    .slice(0, 2);
}

export function runViews(store: MemoryStore): RunViews {
  const eventsOf = (run: string) => store.rows.get(run)?.events ?? [];
  return {
    runs: async (filter) => listRuns(store, filter),
    run: async (id) => {
      const row = store.rows.get(id);
      return row === undefined ? null : summary(row);
    },
    runsByPrefix: async (prefix) => runsByPrefix(store, prefix),
    events: async (run, after, limit) =>
      eventsOf(run)
        .filter(({ seq }) => seq > after)
        .slice(0, limit),
    marked: async (run, mark) => {
      const words = `"request":${JSON.stringify(mark)}`;
      return isRunId(run) && eventsOf(run).some(({ data }) => data.includes(words));
    },
  };
}
