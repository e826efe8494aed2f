/**
 * Commands on many runs. The runs are noted in the transaction that counts them, so what was
 * counted is what is done; each outcome is noted with the progress in one transaction, so a node
 * that takes over continues where the other stopped.
 */
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import {
  BULK_MAX,
  type BulkFilter,
  type BulkOutcome,
  type BulkRow,
  type BulkStore,
} from '../bulks.ts';
import type { NodeLease } from '../ownership.ts';
import type { Page } from '../page.ts';
import { inTransaction } from './connection.ts';
import { countStatement, findsNothing, noteStatement, type RunsStatement } from './run-lists.ts';
import { listNewest } from './newest.ts';
import { exactMs, ms } from './times.ts';
import { isRunId } from '../runs.ts';

const BULK = `id, verb, filter, "by", total, done, refused,
  ${ms('created_at')} as "createdAt",
  ${ms('ended_at')} as "endedAt",
  ${ms('cancelled_at')} as "cancelledAt"`;

export const FIND_BULK = `select ${BULK} from bulks where id = $1`;
export const BULKS = `
select ${BULK}, ${exactMs('created_at')} as at from bulks order by bulks.created_at desc, bulks.id desc limit $1`;
export const BULKS_AFTER = `
select ${BULK}, ${exactMs('created_at')} as at from bulks where (created_at, id) < (to_timestamp($2::float8 / 1000), $3::uuid)
order by bulks.created_at desc, bulks.id desc limit $1`;
export const ADD_BULK = `
insert into bulks (id, verb, filter, "by", owner, total) values ($1, $2, $3, $4, $5, 0)`;
export const SET_TOTAL = `
update bulks set total = $2, ended_at = case when $2 = 0 then now() end where id = $1`;
export const OPEN_RUNS = `
select run from bulk_runs join bulks on bulks.id = bulk_runs.bulk
where bulk = $1 and outcome is null and cancelled_at is null order by run limit $2`;
export const NOTE_OUTCOMES = `
with noted as (
  update bulk_runs set outcome = o.outcome, message = o.message
  from unnest($2::uuid[], $3::text[], $4::text[]) as o(run, outcome, message)
  where bulk_runs.bulk = $1 and bulk_runs.run = o.run and bulk_runs.outcome is null
  returning bulk_runs.outcome
), counted as (
  select count(*) filter (where outcome = 'done') as done, count(*) as tried from noted
)
update bulks set done = bulks.done + counted.done,
  refused = bulks.refused + counted.tried - counted.done,
  ended_at = case when bulks.done + bulks.refused + counted.tried >= bulks.total then now()
    else bulks.ended_at end
from counted where bulks.id = $1`;
export const CANCEL_BULK = `
update bulks set cancelled_at = now(), ended_at = now() where id = $1 and ended_at is null`;
export const CLAIM_BULKS = `
with fence as materialized (select 1 from nodes where id = $1 and epoch = $2 for share),
gone as materialized (select node from leases where until is null for share skip locked),
free as (
  select id from bulks where ended_at is null
    and (owner is null or owner = $1 or owner in (select node from gone))
  for update skip locked
)
update bulks set owner = $1 from fence, free where bulks.id = free.id returning bulks.id`;
export const REFUSALS = `
select run, outcome, message from bulk_runs
where bulk = $1 and outcome <> 'done' order by run limit $2`;

async function count(client: pg.Client, filter: BulkFilter): Promise<number> {
  return findsNothing(filter) ? 0 : counted(client, countStatement(filter));
}

/** One more than `BULK_MAX` when it would have had to look further than that. */
async function counted(client: pg.Client, { text, values }: RunsStatement): Promise<number> {
  const { rows } = await client.query<{ runs: number; looked: number }>(text, values);
  const { runs, looked } = rows[0] ?? { runs: 0, looked: 0 };
  return looked > BULK_MAX ? BULK_MAX + 1 : runs;
}

async function create(
  client: pg.Client,
  lease: NodeLease,
  bulk: Parameters<BulkStore['create']>[1],
): Promise<{ created: boolean; total: number }> {
  const known = await client.query<BulkRow>(FIND_BULK, [bulk.id]);
  // By this very call, whose answer was lost.
  if (known.rows[0] !== undefined) return { created: true, total: known.rows[0].total };
  const { verb, filter, by, expected } = bulk;
  try {
    return await inTransaction(client, async () => {
      const about = [bulk.id, verb, JSON.stringify(filter), JSON.stringify(by), lease.node];
      await client.query(ADD_BULK, about);
      const total = await noteRuns(client, bulk.id, filter);
      const miscounted = expected !== undefined && expected !== total;
      if (total > BULK_MAX || miscounted) throw new Miscount(total);
      await client.query(SET_TOTAL, [bulk.id, total]);
      return { created: true, total };
    });
  } catch (error) {
    if (error instanceof Miscount) return { created: false, total: error.total };
    throw error;
  }
}

/** Rolls the transaction back. */
class Miscount extends TuttiError {
  readonly total: number;
  constructor(total: number) {
    super('bulk.miscounted');
    this.total = total;
  }
}

function noteRuns(client: pg.Client, bulk: string, filter: BulkFilter): Promise<number> {
  if (findsNothing(filter)) return Promise.resolve(0);
  return counted(client, noteStatement(filter, bulk));
}

const LIST = { first: BULKS, following: BULKS_AFTER };

async function open(client: pg.Client, bulk: string, limit: number): Promise<string[]> {
  const { rows } = await client.query<{ run: string }>(OPEN_RUNS, [bulk, limit]);
  return rows.map(({ run }) => run);
}

async function report(
  client: pg.Client,
  bulk: string,
  outcomes: readonly BulkOutcome[],
): Promise<void> {
  const columns = [
    outcomes.map(({ run }) => run),
    outcomes.map(({ outcome }) => outcome),
    outcomes.map(({ message }) => message),
  ];
  await client.query(NOTE_OUTCOMES, [bulk, ...columns]);
}

async function cancel(client: pg.Client, bulk: string): Promise<void> {
  if (isRunId(bulk)) await client.query(CANCEL_BULK, [bulk]);
}

async function claim(client: pg.Client, { node, epoch }: NodeLease): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(CLAIM_BULKS, [node, epoch]);
  return rows.map(({ id }) => id);
}

async function find(client: pg.Client, bulk: string): Promise<BulkRow | null> {
  if (!isRunId(bulk)) return null;
  return (await client.query<BulkRow>(FIND_BULK, [bulk])).rows[0] ?? null;
}

async function refusals(client: pg.Client, bulk: string, limit: number): Promise<BulkOutcome[]> {
  return (await client.query<BulkOutcome>(REFUSALS, [bulk, limit])).rows;
}

function list(client: pg.Client, after: string | null, limit: number): Promise<Page<BulkRow>> {
  return listNewest<BulkRow>(client, LIST, after, limit);
}

/** What the node does that works on a bulk command. */
export const BULK_WORK = { open, report, claim };
/** What people ask. */
export const BULK_VIEWS = { count, create, cancel, find, list, refusals };
