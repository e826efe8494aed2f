/** Workflows and pools in memory, with their versions. */
import { privatePool } from '../../model/pool.ts';
import { clampLimit, type Page, readCursor, writeCursor } from '../page.ts';
import type { PoolRow, PoolVersion } from '../pools.ts';
import type { VersionEntry, VersionRow, VersionViews, WorkflowRow } from '../versions.ts';
import type { MemoryStore } from './store.ts';
import { compare } from './rows.ts';

export interface Deployment {
  readonly version: number;
  readonly changed: boolean;
}

/** As deployed before: it is this very call again when it is of the same moment. */
export function deploy(
  store: MemoryStore,
  row: Omit<VersionRow, 'version'>,
  beside: ReadonlyMap<string, number>,
): Deployment | null {
  for (const [name, seen] of beside)
    if ((store.versions.get(name)?.length ?? 0) !== seen) return null;
  const versions = store.versions.get(row.workflow) ?? [];
  const newest = versions.at(-1);
  if (newest !== undefined && isSame(newest, row))
    return { version: newest.version, changed: newest.deployedAt === row.deployedAt };
  const version = versions.length + 1;
  store.versions.set(row.workflow, [...versions, { ...row, version }]);
  for (const [pool, capacity] of Object.entries(row.definition.pools)) {
    const name = privatePool(row.workflow, pool);
    store.pools.set(name, { name, capacity, workflow: row.workflow, versions: [] });
  }
  store.notifier.notify({ about: 'deployed', workflow: row.workflow });
  return { version, changed: true };
}

function isSame(a: Omit<VersionRow, 'version'>, b: Omit<VersionRow, 'version'>): boolean {
  const [ours, theirs] = [a, b].map(({ definition }) => JSON.stringify(definition));
  return a.source === b.source && a.directory === b.directory && ours === theirs;
}

export function findVersion(
  store: MemoryStore,
  workflow: string,
  number: number | null,
): VersionRow | null {
  const versions = store.versions.get(workflow) ?? [];
  return (number === null ? versions.at(-1) : versions[number - 1]) ?? null;
}

export function deployPool(store: MemoryStore, row: PoolVersion): Deployment {
  const { name, slots: capacity } = row.pool;
  const versions = store.pools.get(name)?.versions ?? [];
  const newest = versions.at(-1);
  if (newest?.source === row.source)
    return { version: versions.length, changed: newest.deployedAt === row.deployedAt };
  store.pools.set(name, { name, capacity, workflow: null, versions: [...versions, row] });
  store.notifier.notify({ about: 'pools' });
  return { version: versions.length + 1, changed: true };
}

export function pools(store: MemoryStore): readonly PoolRow[] {
  const slots = [...store.slots.values()];
  return [...store.pools.values()]
    .toSorted((a, b) => compare(a.name, b.name))
    .map(({ name, capacity, workflow, versions }) => ({
      name,
      capacity,
      workflow,
      used: slots.reduce((sum, each) => sum + (each.slots[name] ?? 0), 0),
      title: versions.at(-1)?.pool.title ?? null,
      owner: versions.at(-1)?.pool.owner ?? null,
      version: versions.length,
      sharedBy: [],
    }));
}

function listWorkflows(store: MemoryStore, after: string | null, limit: number): Page<WorkflowRow> {
  const [from] = after === null ? [''] : readCursor(after, ['text']);
  const newest = [...store.versions.values()]
    .flatMap((versions) => versions.slice(-1))
    .filter(({ workflow }) => workflow > String(from))
    .toSorted((a, b) => compare(a.workflow, b.workflow));
  const items = newest.slice(0, clampLimit(limit));
  const last = items.at(-1);
  const more = newest.length > items.length && last !== undefined;
  return {
    items: items.map(({ workflow: name, version: number, deployedAt, definition }) => {
      const { title = null, owner = null } = definition;
      return { name, title, owner, version: number, deployedAt };
    }),
    next: more ? writeCursor([last.workflow]) : null,
  };
}

function listVersions(
  store: MemoryStore,
  workflow: string,
  after: string | null,
  limit: number,
): Page<VersionEntry> {
  const [before] = after === null ? [Infinity] : readCursor(after, ['number']);
  const older = (store.versions.get(workflow) ?? [])
    .filter((row) => row.version < Number(before))
    .toReversed();
  const items = older.slice(0, clampLimit(limit));
  const last = items.at(-1);
  const more = older.length > items.length && last !== undefined;
  return {
    items: items.map(({ definition: _definition, source: _source, ...entry }) => entry),
    next: more ? writeCursor([last.version]) : null,
  };
}

export function versionViews(store: MemoryStore): VersionViews {
  return {
    workflows: async (after, limit) => listWorkflows(store, after, limit),
    versions: async (workflow, after, limit) => listVersions(store, workflow, after, limit),
  };
}
