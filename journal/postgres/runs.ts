/** Runs as rows: what the engine loads, and one of them as people look at it. Lists: `run-lists.ts`. */
import type pg from 'pg';
import type { EventRow } from '../append.ts';
import type { NodeLease } from '../ownership.ts';
import { NIL_ID, isRunId, type StoredRun } from '../runs.ts';
import type { RunStatus, RunSummary } from '../../model/run.ts';
import { ms } from './times.ts';

export const SUMMARY = `id, workflow, version, status, key, business_date::text, parent_run, parent_task,
  parent_attempt, "by", ${ms('created_at')} as created_at, ${ms('ended_at')} as ended_at,
  total, ended, failed, aside`;
export const EVENT = `seq, ${ms('at')} as at, type, task, attempt, "end", data::text as data`;

/** The planner may still believe that a table is as small as it was when it last counted; keys are read in their order. */
export const READ_SETTINGS = `
set enable_seqscan = off;
set enable_bitmapscan = off;
set enable_sort = off;
set idle_in_transaction_session_timeout = '1s'`;
/** Lists are read in the order of an index, and joined row by row, whatever the planner knows of the tables. */
export const INTERACTIVE_SETTINGS = `
set enable_seqscan = off;
set enable_bitmapscan = off;
set enable_sort = off;
set enable_hashjoin = off;
set enable_mergejoin = off`;

export const LOAD_RUN = `select ${SUMMARY}, owner, ${ms('wake_at')} as wake_at from runs where id = $1`;
export const LOAD_EVENTS = `select ${EVENT} from events where run_id = $1 and seq > $2 order by seq limit $3`;
export const LOAD_RUNS = `
select ${SUMMARY}, owner, ${ms('wake_at')} as wake_at from runs where id = any($1::uuid[]) order by id`;
export const LOAD_EVENTS_OF_RUNS = `
select run_id as run, ${EVENT} from events
where run_id = any($1::uuid[]) and (run_id, seq) > ($2, $3) order by run_id, seq limit $4`;
export const ACTIVE = `
select id from runs where owner = $1 and ended_at is null and wake_at is null
and id > $2 order by id limit $3`;
export const DUE = `
select id from runs where owner = $1 and ended_at is null and wake_at is not null
and wake_at <= to_timestamp($2::float8 / 1000) order by wake_at limit $3`;
export const NEXT_WAKE = `
select ${ms('wake_at')} as at from runs where owner = $1 and ended_at is null
and wake_at is not null and wake_at > to_timestamp($2::float8 / 1000) and wake_at < 'infinity'
order by wake_at limit 1`;
export const BY_PREFIX = 'select id from runs where id between $1 and $2 order by id limit 2';

export const MARKED = `
select exists (select from events where run_id = $1 and strpos(data::text, $2) > 0) as marked`;

export interface SummaryRow {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly status: RunStatus;
  readonly key: string | null;
  readonly business_date: string | null;
  readonly parent_run: string | null;
  readonly parent_task: string | null;
  readonly parent_attempt: number | null;
  readonly by: RunSummary['by'];
  readonly created_at: number;
  readonly ended_at: number | null;
  readonly total: number;
  readonly ended: number;
  readonly failed: number;
  readonly aside: string | null;
}

export function summaryOf(row: SummaryRow): RunSummary {
  return {
    id: row.id,
    workflow: row.workflow,
    version: row.version,
    status: row.status,
    ...(row.key === null ? {} : { key: row.key }),
    ...(row.business_date === null ? {} : { businessDate: row.business_date }),
    ...(row.parent_run === null || row.parent_task === null || row.parent_attempt === null
      ? {}
      : { parent: { run: row.parent_run, task: row.parent_task, attempt: row.parent_attempt } }),
    by: row.by,
    createdAt: row.created_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    tasks: { total: row.total, ended: row.ended, failed: row.failed },
    ...(row.aside === null ? {} : { aside: row.aside }),
  };
}

/** Large runs come in pages, so that neither side holds one enormous answer. */
const EVENTS_PER_PAGE = 10_000;

type StoredRow = SummaryRow & { readonly owner: number | null; readonly wake_at: number | null };

function storedOf(row: StoredRow, events: readonly EventRow[]): StoredRun {
  return { summary: summaryOf(row), owner: row.owner, wakeAt: row.wake_at, events };
}

export async function loadRun(client: pg.Client, run: string): Promise<StoredRun | null> {
  if (!isRunId(run)) return null;
  const { rows } = await client.query<StoredRow>({
    name: 'load-run',
    text: LOAD_RUN,
    values: [run],
  });
  const row = rows[0];
  if (row === undefined) return null;
  const events: EventRow[] = [];
  for (;;) {
    const page = await loadEvents(client, run, events.at(-1)?.seq ?? -1, EVENTS_PER_PAGE);
    for (const event of page) events.push(event);
    if (page.length < EVENTS_PER_PAGE) break;
  }
  return storedOf(row, events);
}

/** Two statements for all of them, the second in pages that end anywhere in a run. */
export async function loadRuns(
  client: pg.Client,
  runs: readonly string[],
  eventsPerPage = EVENTS_PER_PAGE,
): Promise<StoredRun[]> {
  const found = await client.query<StoredRow>({
    name: 'load-runs',
    text: LOAD_RUNS,
    values: [runs.filter(isRunId)],
  });
  const events = new Map<string, EventRow[]>(found.rows.map((row) => [row.id, []]));
  let left = [...events.keys()];
  let last: { readonly run: string; readonly seq: number } = { run: NIL_ID, seq: -1 };
  while (left.length > 0) {
    const { rows } = await client.query<EventRow>({
      name: 'load-events-of-runs',
      text: LOAD_EVENTS_OF_RUNS,
      values: [left, last.run, last.seq, eventsPerPage],
    });
    for (const event of rows) events.get(event.run)?.push(event);
    if (rows.length < eventsPerPage) break;
    last = rows.at(-1) ?? last;
    left = left.filter((run) => run >= last.run);
  }
  return found.rows.map((row) => storedOf(row, events.get(row.id) ?? []));
}

export async function loadEvents(
  client: pg.Client,
  run: string,
  after: number,
  limit: number,
): Promise<EventRow[]> {
  if (!isRunId(run)) return [];
  const { rows } = await client.query<Omit<EventRow, 'run'>>({
    name: 'load-events',
    text: LOAD_EVENTS,
    values: [run, after, limit],
  });
  return rows.map((row) => ({ run, ...row }));
}

export async function activeRuns(
  client: pg.Client,
  { node }: NodeLease,
  after: string | null,
  limit: number,
): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(ACTIVE, [node, after ?? NIL_ID, limit]);
  return rows.map((row) => row.id);
}

export async function dueRuns(
  client: pg.Client,
  { node }: NodeLease,
  now: number,
  limit: number,
): Promise<{ due: string[]; nextAt: number | null }> {
  const due = await client.query<{ id: string }>(DUE, [node, now, limit]);
  const next = await client.query<{ at: number }>(NEXT_WAKE, [node, now]);
  return { due: due.rows.map((row) => row.id), nextAt: next.rows[0]?.at ?? null };
}

export async function findRun(client: pg.Client, run: string): Promise<RunSummary | null> {
  if (!isRunId(run)) return null;
  const { rows } = await client.query<SummaryRow>(LOAD_RUN, [run]);
  return rows[0] === undefined ? null : summaryOf(rows[0]);
}

export async function runsByPrefix(client: pg.Client, prefix: string): Promise<string[]> {
  const digits = prefix.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{1,32}$/.test(digits)) return [];
  const bounds = [digits.padEnd(32, '0'), digits.padEnd(32, 'f')];
  const { rows } = await client.query<{ id: string }>(BY_PREFIX, bounds);
  return rows.map((row) => row.id).filter((id) => id.startsWith(prefix.toLowerCase()));
}

/** Documents are stored as they were written, without spaces. */
export async function isMarked(client: pg.Client, run: string, mark: string): Promise<boolean> {
  if (!isRunId(run)) return false;
  const words = `"request":${JSON.stringify(mark)}`;
  const { rows } = await client.query<{ marked: boolean }>(MARKED, [run, words]);
  return rows[0]?.marked === true;
}
