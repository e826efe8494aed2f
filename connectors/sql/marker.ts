/**
 * Exactly once: a row with the attempt's key is written in the transaction of the work itself.
 * Both are there or neither is, whatever happens to the reply.
 *
 * While the work is under way the row refers to another that does not exist, by a constraint that
 * is looked at when the transaction is committed. So the database itself refuses each commit but
 * ours, however it is spelt, and nothing of the work stays.
 *
 * Of two submissions under one key the second waits at the primary key until the first is over,
 * and then finds either the marker or a free place. So even one that comes while a lost `commit`
 * is still on its way cannot do the work twice.
 */
import type { Json } from '../../model/json.ts';
import { ActionFailure } from '../kit/index.ts';
import { OPEN_CONSTRAINT, sqlstateOf } from './failure.ts';
import type { Session } from './session.ts';

const CREATE = [
  `create table if not exists tutti_markers (
  key text primary key, at timestamptz not null default now(), output jsonb)`,
  `alter table tutti_markers add column if not exists open text
  constraint ${OPEN_CONSTRAINT} references tutti_markers (key) deferrable initially deferred`,
];
/** Any constant: two nodes that create the table at once would both fail in the catalogue. */
const CREATE_LOCK = 7_184_531_120;
/** No attempt has this key. */
const NO_MARKER = 'work under way';

/** The table by its schema and name: a statement of the work may change where names are looked for. */
export type MarkerTable = string;

/** Begins the transaction: its marker is in this table. Or the output, when the work of this key is already committed. */
export async function beginMarked(
  session: Session,
  key: string,
  limitMs: number,
): Promise<{ done: Json } | { table: MarkerTable }> {
  await session.query('begin');
  await limitTime(session, limitMs);
  const claim = `insert into tutti_markers (key, open) values ($1, $2) on conflict (key) do nothing
    returning (select quote_ident(nspname) || '.tutti_markers' from pg_class join pg_namespace n on n.oid = relnamespace
      where pg_class.oid = tutti_markers.tableoid) as "table"`;
  try {
    const { rows } = await session.query(claim, [key, NO_MARKER], { rows: 'all' });
    const [row] = rows;
    if (typeof row?.['table'] === 'string') return { table: row['table'] };
  } catch (error) {
    // No such table; no such column.
    if (!['42P01', '42703'].includes(sqlstateOf(error) ?? '')) throw error;
    await session.query('rollback');
    await createMarkers(session);
    return await beginMarked(session, key, limitMs);
  }
  const done = await readMarker(session, key);
  await session.query('rollback');
  return { done: done?.found ?? null };
}

/** For this transaction only. */
export async function limitTime(session: Session, limitMs: number): Promise<void> {
  const setting = "select set_config('statement_timeout', $1, true)";
  await session.query(setting, [String(limitMs)]);
}

async function createMarkers(session: Session): Promise<void> {
  try {
    await session.query('begin');
    await session.query('select pg_advisory_xact_lock($1)', [CREATE_LOCK]);
    for (const statement of CREATE) await session.query(statement);
    await session.query('commit');
  } catch (error) {
    // ignored: the error that led here is thrown, and a lost connection has rolled back.
    await session.query('rollback').catch(() => {});
    if (sqlstateOf(error) !== '42501') throw error;
    throw new ActionFailure({
      class: 'rejected',
      code: 'sql.markers',
      message: `the table tutti_markers is missing or old, and this user may not create it; have it created: ${CREATE.join('; ').replaceAll(/\s+/g, ' ')}`,
      native: { sqlstate: '42501' },
    });
  }
}

/** Whether the work is still in the transaction that we began. */
export async function isMarked(
  session: Session,
  table: MarkerTable,
  key: string,
): Promise<boolean> {
  const statement = `select 1 from ${table} where key = $1 and open is not null`;
  return (await session.query(statement, [key])).rowCount === 1;
}

/** Closes the row, so that it can be committed. False: it is not there any more. */
export async function writeMarker(
  session: Session,
  table: MarkerTable,
  key: string,
  output: Json,
): Promise<boolean> {
  const statement = `update ${table} set output = $2, open = null where key = $1 and open is not null`;
  return (await session.query(statement, [key, output])).rowCount === 1;
}

export async function readMarker(
  session: Session,
  key: string,
): Promise<{ found: Json } | undefined> {
  try {
    const statement = 'select output from tutti_markers where key = $1';
    const { rows } = await session.query(statement, [key], { rows: 'all' });
    const [row] = rows;
    return row && { found: row['output'] ?? null };
  } catch (error) {
    if (sqlstateOf(error) === '42P01') return undefined;
    throw error;
  }
}
