/**
 * Retention in memory. A portion is one kind of what goes: families of runs, then bulk commands,
 * then the feed. It keeps no archives, and says so.
 */
import { TuttiError } from '../../model/errors.ts';
import { NOTHING_RETIRED, type RetentionCounts } from '../../model/retention.ts';
import type { NodeLease } from '../ownership.ts';
import type { RetentionRow, Retentions } from '../retentions.ts';
import type { Book, StoredRetention } from './book.ts';
import { claim, list } from './bulks.ts';
import { cutFeed } from './feed.ts';
import { endedAt, type Row } from './rows.ts';

export function openRetentions(book: Book): Retentions {
  const end = (id: string, over: Partial<RetentionRow>): void => {
    const stored = book.retentions.get(id);
    if (stored === undefined || stored.row.endedAt !== null) return;
    stored.row = { ...stored.row, endedAt: book.now(), ...over };
  };
  return {
    create: async (lease, retention) => create(book, lease, retention),
    portion: async (lease, id) => portion(book, lease, id),
    fail: async (id, failure) => end(id, { failure }),
    cancel: async (id) => end(id, { cancelledAt: book.now() }),
    claim: async (lease) => claim(book, lease, book.retentions),
    find: async (id) => book.retentions.get(id)?.row ?? null,
    list: async (after, limit) =>
      list(
        [...book.retentions.values()].map(({ row }) => row),
        after,
        limit,
      ),
  };
}

function create(
  book: Book,
  { node: owner }: NodeLease,
  { id, scope, by }: Parameters<Retentions['create']>[1],
): void {
  if (scope.applies && scope.archive !== null) {
    throw new TuttiError('retention.archive', 'A journal in memory keeps no archives.');
  }
  if (book.retentions.has(id)) return;
  const times = { createdAt: book.now(), endedAt: null, cancelledAt: null };
  const row = { id, scope, by, ...times, portions: 0, counts: NOTHING_RETIRED, failure: null };
  book.retentions.set(id, { row, owner, stage: 'runs' });
}

function portion(
  book: Book,
  lease: NodeLease,
  id: string,
): Awaited<ReturnType<Retentions['portion']>> {
  const stored = book.retentions.get(id);
  if (stored === undefined || stored.row.endedAt !== null || !book.holds(lease)) {
    return { more: false, gone: [] };
  }
  const counts = { ...stored.row.counts };
  const gone: string[] = [];
  stored.stage = step(book, stored, counts, gone);
  const over = stored.stage === 'over';
  const portions = stored.row.portions + 1;
  stored.row = { ...stored.row, counts, portions, endedAt: over ? book.now() : null };
  return { more: !over, gone };
}

type Counting = { -readonly [K in keyof RetentionCounts]: number };

function step(
  book: Book,
  { row: { scope }, stage }: StoredRetention,
  counts: Counting,
  gone: string[],
): StoredRetention['stage'] {
  const before = scope.endedBefore ?? -Infinity;
  switch (stage) {
    case 'runs':
      gone.push(...takeFamilies(book, scope, counts));
      return scope.workflow !== null || scope.endedBefore === null ? 'over' : 'bulks';
    case 'bulks':
      for (const [id, { row }] of book.bulks) {
        if (row.endedAt === null || row.endedAt >= before) continue;
        counts.bulks += 1;
        if (scope.applies) book.bulks.delete(id);
      }
      return 'feed';
    case 'feed':
      counts.feed += cutFeed(book, before, scope.applies);
      return 'over';
    case 'over':
      return 'over';
  }
}

/** Answers the runs that are no more. */
function takeFamilies(book: Book, scope: RetentionRow['scope'], counts: Counting): string[] {
  const endedBefore = scope.endedBefore ?? -Infinity;
  const logsBefore = scope.logsBefore ?? -Infinity;
  const gone: string[] = [];
  const candidates = [...book.rows.values()].filter(
    ({ start }) =>
      start.createdAt < Math.max(endedBefore, logsBefore) &&
      (scope.workflow === null || start.workflow === scope.workflow),
  );
  counts.looked += candidates.length;
  for (const { start } of candidates) {
    if (book.rows.has(start.parent?.run ?? '')) continue;
    const family = familyOf(book, start.id);
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
    counts.logs += takeLogs(book, ids, scope.applies);
  }
  for (const id of gone) book.rows.delete(id);
  for (const [key, { run }] of book.slots) if (gone.includes(run)) book.slots.delete(key);
  return gone;
}

function familyOf(book: Book, root: string): readonly Row[] {
  const family = [...book.rows.values()].filter(({ start }) => start.id === root);
  for (const { start } of family) {
    for (const row of book.rows.values()) if (row.start.parent?.run === start.id) family.push(row);
  }
  return family;
}

/** When the last of them ended; never, while one is open. */
function lastEnd(family: readonly Row[]): number {
  return Math.max(...family.map((row) => endedAt(row) ?? Infinity));
}

function takeLogs(book: Book, runs: ReadonlySet<string>, applies: boolean): number {
  const keys = [...book.logs].flatMap(([key, { run }]) => (runs.has(run) ? [key] : []));
  if (applies) for (const key of keys) book.logs.delete(key);
  return keys.length;
}
