/**
 * Logs of tasks, in chunks.
 *
 * A call's rows are written in one transaction: the connector's cursor stands in the last one,
 * so a read is there as a whole or is read again. A position is written once; a repetition after
 * a lost connection changes nothing.
 *
 * One attempt is read by position, a whole run by arrival. Arrival, not time: a reader that
 * follows must never be overtaken by a chunk with an older time.
 */
import type pg from 'pg';
import type { Json } from '../../model/json.ts';
import type { LogProgress, LogFilter, LogPage, StoredLogChunk } from '../logs.ts';
import { documents, doubles, integers, uuids, texts } from './columns.ts';
import { clampLimit, readCursor, writeCursor } from '../page.ts';
import { inTransaction } from './connection.ts';
import { ms } from './times.ts';
import { isRunId } from '../runs.ts';

export const WRITE_LOGS = `
insert into task_logs (run_id, task, attempt, position, stream, at, text, cursor)
select u.run, u.task, u.attempt, u.position, u.stream, to_timestamp(u.at / 1000), u.text, u.cursor
from unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::text[], $6::float8[], $7::text[],
  $8::json[]) with ordinality as u(run, task, attempt, position, stream, at, text, cursor, n)
order by u.n
on conflict (run_id, task, attempt, position) do nothing`;

export const LOG_POSITION = `
select position + 1 as position from task_logs
where run_id = $1 and task = $2 and attempt = $3 order by task_logs.position desc limit 1`;
export const LOG_SIZE = `
select coalesce(sum(octet_length(text)), 0)::float8 as bytes from task_logs
where run_id = $1 and task = $2 and attempt = $3`;
export const LOG_CURSOR = `
select cursor from task_logs
where run_id = $1 and task = $2 and attempt = $3 and cursor is not null
order by position desc limit 1`;

const ROWS_PER_STATEMENT = 2_000;
/** Building a statement and parsing a page keep the loop busy: a few milliseconds each. */
const TEXT_PER_STATEMENT = 1_000_000;
const PAGE_BYTES = 1_000_000;

/** PostgreSQL's text cannot hold NUL; a log that does is still a log. */
function withoutNul(text: string): string {
  // Whole stretches: for each single one the engine would build a string of its own.
  return text.includes('\0')
    ? text.replaceAll(/\0+/g, (nuls) => '\ufffd'.repeat(nuls.length))
    : text;
}

function logValues(rows: readonly StoredLogChunk[]): unknown[] {
  return [
    uuids(rows, (row) => row.run),
    texts(rows, (row) => row.task),
    integers(rows, (row) => row.attempt),
    integers(rows, (row) => row.position),
    texts(rows, (row) => row.stream),
    doubles(rows, (row) => row.at),
    texts(rows, (row) => withoutNul(row.text)),
    documents(rows, (row) => (row.cursor === null ? null : JSON.stringify(row.cursor))),
  ];
}

function portions(rows: readonly StoredLogChunk[]): StoredLogChunk[][] {
  const all: StoredLogChunk[][] = [];
  let size = Infinity;
  for (const row of rows) {
    size += row.text.length;
    if (size > TEXT_PER_STATEMENT || (all.at(-1)?.length ?? 0) >= ROWS_PER_STATEMENT) {
      all.push([]);
      size = row.text.length;
    }
    all.at(-1)?.push(row);
  }
  return all;
}

export async function appendLogs(
  client: pg.Client,
  rows: readonly StoredLogChunk[],
): Promise<void> {
  const parts = portions(rows);
  const write = async (): Promise<void> => {
    for (const part of parts) {
      await client.query({ name: 'write-logs', text: WRITE_LOGS, values: logValues(part) });
    }
  };
  if (parts.length > 1) await inTransaction(client, write);
  else await write();
}

export async function logEnd(
  client: pg.Client,
  run: string,
  task: string,
  attempt: number,
): Promise<LogProgress> {
  const values = [run, task, attempt];
  const position = await client.query<{ position: number }>(LOG_POSITION, values);
  const cursor = await client.query<{ cursor: Json }>(LOG_CURSOR, values);
  const size = await client.query<{ bytes: number }>(LOG_SIZE, values);
  return {
    position: position.rows[0]?.position ?? 0,
    cursor: cursor.rows[0]?.cursor ?? null,
    bytes: size.rows[0]?.bytes ?? 0,
  };
}

interface StoredLog {
  readonly id: string;
  readonly task: string;
  readonly attempt: number;
  readonly position: number;
  readonly stream: StoredLogChunk['stream'];
  readonly at: number;
  readonly text: string;
  readonly cursor: Json;
  /** Of the page's text, up to the end of this one. */
  readonly upto: string;
}

export function logsStatement(filter: LogFilter): { text: string; values: unknown[] } {
  const values: unknown[] = [filter.run];
  const value = (each: unknown): string => `$${values.push(each)}`;
  const conditions = ['run_id = $1'];
  if (filter.task !== undefined) conditions.push(`task = ${value(filter.task)}`);
  if (filter.attempt !== undefined) conditions.push(`attempt = ${value(filter.attempt)}`);
  if (filter.after !== undefined && filter.task !== undefined) {
    const [attempt, position] = readCursor(filter.after, ['number', 'number']);
    conditions.push(`(attempt, position) > (${value(attempt)}, ${value(position)})`);
  } else if (filter.after !== undefined) {
    const [id] = readCursor(filter.after, ['number']);
    conditions.push(`id > ${value(id)}`);
  }
  // What is the same for all is no order to the planner.
  const ofTask = filter.attempt === undefined ? 'attempt, position' : 'position';
  const order = filter.task === undefined ? 'id' : ofTask;
  const limit = value(clampLimit(filter.limit) + 1);
  // Sizes are known without reading the texts: those that do not fit are left out.
  return {
    text: `select id, task, attempt, position, stream, ${ms('at')} as at,
      text, cursor, before + octet_length(text) as upto from (
        select *, coalesce(sum(octet_length(text)) over (
          order by ${order} rows between unbounded preceding and 1 preceding), 0) as before
        from (select * from task_logs where ${conditions.join(' and ')} order by ${order} limit ${limit}) as page
      ) as sized where before < ${value(PAGE_BYTES)} order by ${order}`,
    values,
  };
}

export async function readLogs(client: pg.Client, filter: LogFilter): Promise<LogPage> {
  if (!isRunId(filter.run)) return { items: [], next: null, more: false };
  const { text, values } = logsStatement(filter);
  const { rows } = await client.query<StoredLog>(text, values);
  const kept = rows.slice(0, clampLimit(filter.limit));
  const last = kept.at(-1);
  const items = kept.map(({ id: _arrival, upto: _size, ...row }) => ({ run: filter.run, ...row }));
  // Also after the last page: a client that follows a log reads on from there.
  if (last === undefined) return { items, next: null, more: false };
  const next = filter.task === undefined ? [Number(last.id)] : [last.attempt, last.position];
  const more = rows.length > kept.length || Number(rows.at(-1)?.upto ?? 0) >= PAGE_BYTES;
  return { items, next: writeCursor(next), more };
}
