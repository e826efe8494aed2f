/**
 * Exactly once: a row with the attempt's key is written in the transaction of the work itself.
 * Both are there or neither is, whatever happens to the reply.
 *
 * Of two submissions under one key the second waits at the primary key until the first is over,
 * and then finds either the marker or a free place. So even one that comes while a lost `commit`
 * is still on its way cannot do the work twice.
 */
import type { Json } from '../../model/json.ts';
import { ActionFailure } from '../kit/index.ts';
import { sqlstateOf } from './failure.ts';
import type { Session } from './session.ts';

const CREATE = `create table if not exists tutti_markers (
  key text primary key, at timestamptz not null default now(), output jsonb)`;
/** Any constant: two nodes that create the table at once would both fail in the catalogue. */
const CREATE_LOCK = 7_184_531_120;

/** Begins the transaction. The output, when the work of this key is already committed. */
export async function beginMarked(
  session: Session,
  key: string,
): Promise<{ done: Json } | undefined> {
  await session.query('begin');
  const claim = 'insert into tutti_markers (key) values ($1) on conflict (key) do nothing';
  try {
    if ((await session.query(claim, [key])).rowCount === 1) return undefined;
  } catch (error) {
    if (sqlstateOf(error) !== '42P01') throw error;
    await session.query('rollback');
    await createMarkers(session);
    return await beginMarked(session, key);
  }
  const done = await readMarker(session, key);
  await session.query('rollback');
  return { done: done?.found ?? null };
}

async function createMarkers(session: Session): Promise<void> {
  try {
    await session.query('begin');
    await session.query('select pg_advisory_xact_lock($1)', [CREATE_LOCK]);
    await session.query(CREATE);
    await session.query('commit');
  } catch (error) {
    await session.query('rollback').catch(() => {});
    if (sqlstateOf(error) !== '42501') throw error;
    throw new ActionFailure({
      class: 'rejected',
      code: 'sql.markers',
      message: `the table tutti_markers is missing and this user may not create it; have it created: ${CREATE.replaceAll(/\s+/g, ' ')}`,
      native: { sqlstate: '42501' },
    });
  }
}

export async function writeMarker(session: Session, key: string, output: Json): Promise<void> {
  const statement = 'update tutti_markers set output = $2::text::jsonb where key = $1';
  await session.query(statement, [key, JSON.stringify(output)]);
}

export async function readMarker(
  session: Session,
  key: string,
): Promise<{ found: Json } | undefined> {
  try {
    const statement = 'select output from tutti_markers where key = $1';
    const { rows } = await session.query(statement, [key]);
    const [row] = rows;
    return row && { found: row['output'] ?? null };
  } catch (error) {
    if (sqlstateOf(error) === '42P01') return undefined;
    throw error;
  }
}
