/**
 * Runs that are set aside: their history cannot be read or written, and no node may stumble over
 * them again. Such a run sleeps without end and has no owner, so neither a claim nor a timer finds it.
 */
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import type { NodeLease } from '../ownership.ts';
import { notifyIn } from './notifier.ts';
import { inTransaction } from './connection.ts';
import { isRunId } from '../runs.ts';

export const SET_ASIDE = `
with fence as materialized (select from nodes where id = $1 and epoch = $2 for share)
update runs set aside = $4, owner = null,
  wake_at = case when ended_at is null then 'infinity' else wake_at end
from fence where runs.id = $3 and owner = $1`;
export const REINSTATE = `
with fence as materialized (select from nodes where id = $1 and epoch = $2 for share)
update runs set aside = null, owner = $1, wake_at = null
from fence where runs.id = $3 and owner is null and aside is not null`;
export const COUNT_ASIDE = `
select count(*)::int as aside from runs where aside is not null and ended_at is null`;
/** What an append needs and does not find: asked of the catalogue, so it costs next to nothing. */
export const MISSING = `
select name, to_regclass(name) is null as gone
from (values ('runs'), ('events'), ('feed'), ('nodes')) as needed(name)
where to_regclass(name) is null or not has_table_privilege(to_regclass(name), 'insert')`;

const REASON_CHARACTERS = 1_000;

export async function setAside(
  client: pg.Client,
  { node, epoch }: NodeLease,
  run: string,
  reason: string,
): Promise<void> {
  await inTransaction(client, async () => {
    await client.query(SET_ASIDE, [node, epoch, run, reason.slice(0, REASON_CHARACTERS)]);
    // No node continues what it had begun: its slots go to the next that asks.
    await notifyIn(client, { about: 'slots' });
  });
}

export async function reinstate(
  client: pg.Client,
  { node, epoch }: NodeLease,
  run: string,
): Promise<boolean> {
  if (!isRunId(run)) return false;
  return (await client.query(REINSTATE, [node, epoch, run])).rowCount === 1;
}

/** Whether Tutti can write, and how many open runs are set aside. */
export async function ping(client: pg.Client): Promise<{ aside: number }> {
  const missing = await client.query<{ name: string; gone: boolean }>(MISSING);
  const [first] = missing.rows;
  if (first !== undefined) {
    const why = first.gone ? 'there is no such table' : 'this user may not write to it';
    throw new TuttiError(
      'database.refuses',
      `the database refuses what Tutti writes: "${first.name}": ${why}`,
    );
  }
  const { rows } = await client.query<{ aside: number }>(COUNT_ASIDE);
  return { aside: rows[0]?.aside ?? 0 };
}
