/**
 * The statement of an append, made of what the batch has: most have only events, and the server
 * sets up every part of a statement each time, whether there are rows for it or not.
 *
 * The arrays are unnested in the select list, where the server walks them in step; in FROM it
 * would first store each one by itself.
 */
import type { Batch, EventRow, RunRow, RunUpdate } from '../append.ts';
import type { NodeLease } from '../ownership.ts';
import { CHANNEL, payloadOf } from './notifier.ts';
import { documents, doubles, integers, eventRanges, uuids, type Value, texts } from './columns.ts';

/** Text of a statement that writes a batch; it answers one row, or none when the node is fenced. */
export interface AppendStatement {
  /** The same for the same text: a line prepares each once. */
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

interface StatementColumn<T> {
  readonly name: string;
  /** An element of the array; `?` stands for the parameter. */
  readonly sql: string;
  readonly values: (rows: readonly T[]) => Buffer;
}

function uuid<T>(name: string, pick: Value<T, string>): StatementColumn<T> {
  return { name, sql: 'unnest(?::uuid[])', values: (rows) => uuids(rows, pick) };
}
function text<T>(name: string, pick: Value<T, string>): StatementColumn<T> {
  return { name, sql: 'unnest(?::text[])', values: (rows) => texts(rows, pick) };
}
function date<T>(name: string, pick: Value<T, string>): StatementColumn<T> {
  return { name, sql: 'unnest(?::text[])::date', values: (rows) => texts(rows, pick) };
}
function json<T>(name: string, pick: Value<T, string>): StatementColumn<T> {
  return { name, sql: 'unnest(?::json[])', values: (rows) => documents(rows, pick) };
}
function integer<T>(name: string, pick: Value<T, number>): StatementColumn<T> {
  return { name, sql: 'unnest(?::int[])', values: (rows) => integers(rows, pick) };
}
/** Milliseconds since the epoch; Infinity is PostgreSQL's. */
function time<T>(name: string, pick: Value<T, number>): StatementColumn<T> {
  const sql = 'to_timestamp(unnest(?::float8[]) / 1000)';
  return { name, sql, values: (rows) => doubles(rows, pick) };
}

/**
 * A run that starts and changes in one batch is inserted as it is in the end: the update part of
 * a statement does not see what its insert part writes.
 */
interface StartedRun {
  readonly run: RunRow;
  readonly owner: number | null;
  update: RunUpdate | undefined;
}

const STARTS: readonly StatementColumn<StartedRun>[] = [
  uuid('id', ({ run }) => run.id),
  text('workflow', ({ run }) => run.workflow),
  integer('version', ({ run, update }) => (update ?? run).version),
  text('key', ({ run }) => run.key),
  date('business_date', ({ run }) => run.businessDate),
  uuid('parent_run', ({ run }) => run.parent?.run ?? null),
  text('parent_task', ({ run }) => run.parent?.task ?? null),
  integer('parent_attempt', ({ run }) => run.parent?.attempt ?? null),
  json('"by"', ({ run }) => JSON.stringify(run.by)),
  time('created_at', ({ run }) => run.createdAt),
  text('status', ({ run, update }) => (update ?? run).status),
  time('wake_at', ({ run, update }) => (update ?? run).wakeAt),
  time('ended_at', ({ update }) => update?.endedAt ?? null),
  integer('total', ({ run, update }) => (update ?? run).total),
  integer('ended', ({ update }) => update?.ended ?? 0),
  integer('failed', ({ update }) => update?.failed ?? 0),
  integer('owner', ({ owner }) => owner),
];

const EVENT_RUN = uuid<EventRow>('run_id', (event) => event.run);
const EVENTS: readonly StatementColumn<EventRow>[] = [
  integer('seq', (event) => event.seq),
  time('at', (event) => event.at),
  text('type', (event) => event.type),
  text('task', (event) => event.task),
  integer('attempt', (event) => event.attempt),
  text('"end"', (event) => event.end),
  json('data', (event) => event.data),
];

const UPDATES: readonly StatementColumn<RunUpdate>[] = [
  text('status', (update) => update.status),
  integer('version', (update) => update.version),
  time('wake_at', (update) => update.wakeAt),
  time('ended_at', (update) => update.endedAt),
  integer('total', (update) => update.total),
  integer('ended', (update) => update.ended),
  integer('failed', (update) => update.failed),
];
const UPDATED_RUN = uuid<RunUpdate>('run', (update) => update.run);

interface Shape {
  readonly starts: boolean;
  readonly events: boolean;
  readonly updates: boolean;
  /** A run without an owner is announced in the same transaction: another node has capacity for it. */
  readonly notifiesDue: boolean;
}

const DUE = payloadOf({ about: 'due' });
const textsByName = new Map<string, string>();

export function appendStatement(lease: NodeLease, batch: Batch): AppendStatement {
  const { starts, updates } = folded(lease, batch);
  const { events } = batch;
  const shape = {
    starts: starts.length > 0,
    events: events.length > 0,
    updates: updates.length > 0,
    notifiesDue: starts.some(({ owner }) => owner === null),
  };
  const name = `append ${Object.values(shape).map(Number).join('')}`;
  let known = textsByName.get(name);
  if (known === undefined) textsByName.set(name, (known = textOf(shape)));
  const values: unknown[] = [lease.node, lease.epoch];
  if (shape.starts) values.push(...STARTS.map((column) => column.values(starts)));
  if (shape.events) {
    const ids = EVENT_RUN.values(events);
    values.push(ids, ...EVENTS.map((column) => column.values(events)), eventRanges(events, ids));
  }
  if (shape.updates) {
    values.push(UPDATED_RUN.values(updates), ...UPDATES.map((column) => column.values(updates)));
  }
  return { name, text: known, values };
}

function folded(
  lease: NodeLease,
  batch: Batch,
): { starts: readonly StartedRun[]; updates: readonly RunUpdate[] } {
  if (batch.starts.length === 0) return { starts: [], updates: batch.updates };
  const started = new Map<string, StartedRun>();
  for (const run of batch.starts) {
    const owner = run.unowned === true ? null : lease.node;
    started.set(run.id, { run, owner, update: undefined });
  }
  const updates: RunUpdate[] = [];
  for (const update of batch.updates) {
    const start = started.get(update.run);
    if (start === undefined) updates.push(update);
    else start.update = update;
  }
  return { starts: [...started.values()], updates };
}

function textOf(shape: Shape): string {
  let parameters = 2;
  const numbered = (sql: string): string => sql.replace('?', () => `$${++parameters}`);
  const insert = (
    table: string,
    columns: readonly Omit<StatementColumn<never>, 'values'>[],
  ): string => `
    insert into ${table} (${columns.map((column) => column.name).join(', ')})
    select ${columns.map((column) => numbered(column.sql)).join(', ')} from fence`;
  const parts = [
    'fence as materialized (select from nodes where id = $1 and epoch = $2 for share)',
  ];
  if (shape.starts) parts.push(`started as (${insert('runs', STARTS)})`);
  if (shape.events) {
    parts.push(
      `written as (${insert('events', [EVENT_RUN, ...EVENTS])})`,
      `fed as (insert into feed (spans) select ${numbered('?::bytea')} from fence)`,
    );
  }
  if (shape.updates) {
    const changes = [UPDATED_RUN, ...UPDATES].map(
      (each) => `${numbered(each.sql)} as ${each.name}`,
    );
    const sets = UPDATES.map(({ name }) => `${name} = changes.${name}`);
    parts.push(
      `changes as (select ${changes.join(', ')} from fence)`,
      `updated as (update runs set ${sets.join(', ')} from changes where runs.id = changes.run)`,
    );
  }
  const answer = shape.notifiesDue ? `pg_notify(${CHANNEL}, '${DUE}')` : '';
  return `with ${parts.join(',\n')}\nselect ${answer} from fence`;
}
