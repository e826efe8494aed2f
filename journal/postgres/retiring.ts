/** The portions of retention: what one transaction looks at, archives and deletes. */
import type pg from 'pg';
import type { RetentionCounts } from '../../model/retention.ts';
import type { RetentionScope } from '../retentions.ts';
import { ARCHIVED_BULK, ARCHIVED_BULK_RUNS, archiveLogs, archiveRuns } from './archive.ts';
import {
  type RetentionCandidate,
  candidates,
  CANDIDATES,
  CHILDLESS,
  familiesOf,
  LAST_END,
  lastEnd,
  type Member,
  NEXT_MEMBERS,
  type RunCursor,
  BEGINNING,
} from './families.ts';
import { cutFeed } from './feed-start.ts';
import type { Portion, Stage } from './retention-portion.ts';
import { exactMs } from './times.ts';
import { NIL_ID } from '../runs.ts';

/** How many events each of them has: they are numbered without holes. */
export const EVENTS_OF = `
select wanted.id, coalesce((select seq + 1 from events where run_id = wanted.id order by seq desc limit 1), 0) as events
from unnest($1::uuid[]) as wanted(id)`;
export const LOGS_OF = `
select count(*)::int as logs from task_logs where run_id = any($1::uuid[])`;
export const LOCK_OVER = `
select id from runs where id = any($1::uuid[]) and ended_at < to_timestamp($2::float8 / 1000)
for update skip locked`;
/** Whole runs, and of others the logs: one statement, because each waits its turn in a busy loop. */
export const DELETE_RUNS = `
with gone_logs as (delete from task_logs where run_id = any($2::uuid[]) returning 1),
gone_slots as (delete from slots where run = any($1::uuid[])),
gone_events as (delete from events where run_id = any($1::uuid[]) returning 1),
gone_runs as (delete from runs where id = any($1::uuid[]) returning 1)
select (select count(*)::int from gone_logs) as logs, (select count(*)::int from gone_events) as events,
  (select count(*)::int from gone_runs) as runs`;
export const BULKS_OVER = `
select id, ${exactMs('ended_at')} as "createdAt" from bulks
where ended_at is not null and (ended_at, id) > (to_timestamp($1::float8 / 1000), $2::uuid)
  and ended_at < to_timestamp($3::float8 / 1000)
order by ended_at, id limit 1`;
export const BULK_RUNS = 'select run from bulk_runs where bulk = $1 order by run limit $2';
export const DELETE_BULK_RUNS = 'delete from bulk_runs where bulk = $1 and run = any($2::uuid[])';
export const DELETE_BULK = 'delete from bulks where id = $1';

/** A portion ends with the family that reaches one of these: readers of the feed wait for its end. */
const RUNS_MOST = 500;
const EVENTS_MOST = 6_000;
const BULK_RUNS_MOST = 5_000;

type RunsStage = Extract<Stage, { stage: 'runs' }>;

export async function runsPortion(work: Portion, stage: RunsStage): Promise<Stage> {
  const { after } = stage;
  const { client, scope } = work;
  const before = Math.max(scope.endedBefore ?? -Infinity, scope.logsBefore ?? -Infinity);
  const found = await candidates(client, scope.workflow, after, before);
  // Its top alone says of most families that they stay, whatever their size.
  const roots = found.filter((each) => isOld(each, before)).map(({ id }) => id);
  const [first] = roots;
  const families =
    first === undefined ? new Map<string, Member[]>() : await familiesOf(client, roots);
  if (families === null && first !== undefined) {
    return largeFamily(work, { root: first, found, before }, stage);
  }
  const { taken, last } = await portionOf(work, found, new Set(roots), families ?? new Map());
  await retireFamilies(work, taken);
  countLooked(work, found.slice(0, last + 1), before);
  const place = found[last];
  if (place === undefined || (found.length < CANDIDATES && last === found.length - 1)) {
    return afterRuns(scope);
  }
  return { stage: 'runs', after: cursorOf(place), member: null };
}

function isOld({ top, endedAt }: RetentionCandidate, before: number): boolean {
  return top && endedAt !== null && endedAt < before;
}

/** Counts those that were looked at, and of them the families whose top says that they stay. */
function countLooked(work: Portion, looked: readonly RetentionCandidate[], before: number): void {
  const kept = looked.filter((each) => each.top && !isOld(each, before));
  work.count({ looked: looked.length, kept: kept.length });
}

function cursorOf({ id, createdAt }: RunCursor): RunCursor {
  return { id, createdAt };
}

function afterRuns({ workflow, endedBefore }: RetentionScope): Stage {
  if (workflow !== null || endedBefore === null) return { stage: 'over' };
  return { stage: 'bulks', after: BEGINNING };
}

/** The families of a portion, and the last candidate that it has looked at. */
async function portionOf(
  { client }: Portion,
  found: readonly RetentionCandidate[],
  roots: ReadonlySet<string>,
  families: ReadonlyMap<string, readonly Member[]>,
): Promise<{ taken: (readonly Member[])[]; last: number }> {
  const all = [...families.values()].flatMap((members) => members.map(({ id }) => id));
  const { rows } = await client.query<{ id: string; events: number }>(EVENTS_OF, [all]);
  const eventsOf = new Map(rows.map(({ id, events }) => [id, events]));
  const taken: (readonly Member[])[] = [];
  let runs = 0;
  let events = 0;
  let last = -1;
  for (const { id } of found) {
    if (roots.has(id)) {
      const members = families.get(id);
      if (members === undefined || runs >= RUNS_MOST || events >= EVENTS_MOST) break;
      taken.push(members);
      runs += members.length;
      for (const each of members) events += eventsOf.get(each.id) ?? 0;
    }
    last += 1;
  }
  return { taken, last };
}

async function retireFamilies(
  work: Portion,
  families: readonly (readonly Member[])[],
): Promise<void> {
  const { endedBefore, logsBefore } = work.scope;
  const whole: (readonly Member[])[] = [];
  const logs: string[] = [];
  for (const family of families) {
    const end = lastEnd(family);
    if (end !== null && end < (endedBefore ?? -Infinity)) whole.push(family);
    else if (end !== null && end < (logsBefore ?? -Infinity))
      logs.push(...family.map(({ id }) => id));
    else work.count({ kept: 1 });
  }
  const free = await lockedOf(work, whole);
  work.count({ kept: whole.length - free.length });
  await retire(
    work,
    free.flatMap((family) => family.map(({ id }) => id)),
    logs,
  );
}

/** Families of which no other transaction holds a run, and which are unchanged since they were read. */
async function lockedOf(
  { client, scope }: Portion,
  families: readonly (readonly Member[])[],
): Promise<readonly (readonly Member[])[]> {
  if (!scope.applies || families.length === 0) return families;
  const ids = families.flatMap((family) => family.map(({ id }) => id));
  const { rows } = await client.query<{ id: string }>(LOCK_OVER, [ids, scope.endedBefore]);
  const locked = new Set(rows.map(({ id }) => id));
  return families.filter((family) => family.every(({ id }) => locked.has(id)));
}

/** Archives and deletes whole runs, and of others the logs. */
async function retire(
  { client, scope, archive, count, gone }: Portion,
  runs: readonly string[],
  logsOnly: readonly string[],
): Promise<void> {
  const ofLogs = [...runs, ...logsOnly];
  if (ofLogs.length === 0) return;
  if (!scope.applies) {
    const events = await client.query<{ events: number }>(EVENTS_OF, [runs]);
    const logs = await client.query<{ logs: number }>(LOGS_OF, [ofLogs]);
    const sum = events.rows.reduce((all, row) => all + row.events, 0);
    count({ runs: runs.length, events: sum, logs: logs.rows[0]?.logs ?? 0 });
    return;
  }
  if (archive !== null) {
    if (runs.length > 0) await archiveRuns(client, archive, runs);
    await archiveLogs(client, archive, ofLogs);
    await archive.complete();
  }
  const { rows } = await client.query<Pick<RetentionCounts, 'runs' | 'events' | 'logs'>>(
    DELETE_RUNS,
    [runs, ofLogs],
  );
  count(rows[0] ?? {});
  gone.push(...runs);
}

interface LargeFamily {
  readonly root: string;
  readonly found: readonly RetentionCandidate[];
  readonly before: number;
}

/** Of one family; null while a run of it is open. It reads all of them. */
async function lastEndOf(client: pg.Client, root: string): Promise<number | null> {
  const { rows } = await client.query<{ endedAt: number | null }>(LAST_END, [[root]]);
  return rows[0]?.endedAt ?? null;
}

/** One that is more than a portion: see the top of `families.ts`. */
async function largeFamily(
  work: Portion,
  { root, found, before }: LargeFamily,
  { after, member, large }: RunsStage,
): Promise<Stage> {
  const { client, scope } = work;
  const at = found.findIndex(({ id }) => id === root);
  const here = found[at - 1];
  countLooked(work, found.slice(0, at), before);
  const next = (kept: number): Stage => {
    work.count({ looked: 1, kept });
    return { stage: 'runs', after: cursorOf(found[at] ?? BEGINNING), member: null };
  };
  const end = large?.root === root ? large.end : await lastEndOf(client, root);
  const whole = end !== null && end < (scope.endedBefore ?? -Infinity);
  const onlyLogs = end !== null && end < (scope.logsBefore ?? -Infinity);
  if (!whole && !onlyLogs) return next(1);
  // Members are locked before they go, logs are not: then whether all is over is asked each time.
  const stay = (reached: string | null, asOver = whole): Stage => ({
    stage: 'runs',
    after: here === undefined ? after : cursorOf(here),
    member: reached,
    ...(asOver && { large: { root, end } }),
  });
  // Nothing goes when it only counts, or only logs go: then its members are walked through.
  if (!whole || !scope.applies) {
    const values = [[root], member ?? NIL_ID, RUNS_MOST];
    const members = await client.query<{ id: string }>(NEXT_MEMBERS, values);
    const ids = members.rows.map(({ id }) => id);
    await retire(work, whole ? ids : [], whole ? [] : ids);
    return ids.length < RUNS_MOST ? next(0) : stay(ids.at(-1) ?? null);
  }
  const childless = await client.query<{ id: string }>(CHILDLESS, [[root], RUNS_MOST]);
  const ids = childless.rows.map(({ id }) => ({ id, root, endedAt: end }));
  const free = await lockedOf(
    work,
    ids.map((each) => [each]),
  );
  const taken = free.flatMap((each) => each.map(({ id }) => id));
  await retire(work, taken, []);
  return taken.length === 0 ? next(0) : stay(null, taken.length === ids.length);
}

export async function bulksPortion(
  { client, scope, archive, count }: Portion,
  { after }: Extract<Stage, { stage: 'bulks' }>,
): Promise<Stage> {
  const values = [after.createdAt, after.id, scope.endedBefore];
  const found = await client.query<RunCursor>(BULKS_OVER, values);
  const bulk = found.rows[0];
  if (bulk === undefined) return { stage: 'feed', xid: '0' };
  const next: Stage = { stage: 'bulks', after: cursorOf(bulk) };
  if (!scope.applies) {
    count({ bulks: 1 });
    return next;
  }
  const { rows } = await client.query<{ run: string }>(BULK_RUNS, [bulk.id, BULK_RUNS_MOST]);
  const runs = rows.map(({ run }) => run);
  if (archive !== null) {
    await archive.add(
      'bulks',
      (await client.query<{ row: string }>(ARCHIVED_BULK, [bulk.id])).rows,
    );
    const members = await client.query<{ row: string }>(ARCHIVED_BULK_RUNS, [bulk.id, runs]);
    await archive.add('bulk_runs', members.rows);
    await archive.complete();
  }
  await client.query(DELETE_BULK_RUNS, [bulk.id, runs]);
  if (runs.length === BULK_RUNS_MOST) return { stage: 'bulks', after };
  await client.query(DELETE_BULK, [bulk.id]);
  count({ bulks: 1 });
  return next;
}

export async function feedPortion(
  { client, scope, count }: Portion,
  { xid }: Extract<Stage, { stage: 'feed' }>,
): Promise<Stage> {
  const { rows, last } = await cutFeed(client, xid, scope.endedBefore ?? 0, scope.applies);
  count({ feed: rows });
  return rows === 0 ? { stage: 'over' } : { stage: 'feed', xid: last };
}
