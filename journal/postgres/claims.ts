/**
 * How runs change their owner: from no owner, or from a node that is gone, to a claimer.
 *
 * A node is gone when its lease's `until` is null: it gave the lease back, or `fenceExpired` took it away
 * and raised its epoch. An owner that is no node at all is gone for good. Who may take what is decided under locks that all who change it take in
 * one order: rows of leases (ascending), then rows of nodes, then rows of runs.
 *
 * Every transaction here is READ COMMITTED: each statement sees what was committed before it
 * began. A row that was changed meanwhile is checked again in its newest version, but only the
 * row itself: what a subquery or a join said about other rows is not asked again. So no statement
 * here decides about one row by looking at another that it has not locked:
 *
 * 1. `fence` share-locks this node's row: a node that fences us waits until the claim is over, or was
 *    first, and then we find no row and take nothing.
 * 2. `GONE` share-locks the leases of gone nodes. `until is null` stands on the locked row, so it
 *    is true of the newest version, and stays true until we commit: a node of that name that comes
 *    back changes its lease first, so it waits for us, and then takes up only what it still owns.
 *    Leases that are locked already are left out; that is such a node, half-way back.
 * 3. The runs are locked by a condition on their own columns, with the gone nodes as a value. A
 *    run that another claimer has locked is skipped; one that another has taken has, in its newest
 *    version, an owner that is not in our list. Not even if that owner has gone since: our list
 *    holds nodes that were gone before, and a node that is gone takes nothing.
 * 4. The locked rows are written by their ids: no other transaction can have changed them in between.
 *
 * When the answer to a commit is lost, the runs may be ours and in no node's memory. Their ids are
 * known, so the next try locks these rows (which waits for the lost transaction) and looks.
 * A process that stands still inside a transaction would hold its locks: the server ends it after
 * a second (`CLAIM_SETTINGS`).
 */
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import type { Claim, NodeLease } from '../ownership.ts';
import { confirm } from './append.ts';
import {
  pauseAfterFault,
  inTransaction,
  type Connection,
  type ConnectionContext,
} from './connection.ts';
import { fence, GIVE_LEASES } from './lease.ts';
import { ms } from './times.ts';
import { isRunId } from '../runs.ts';

/** Also keeps the planner from scanning a table of runs that was small when it last counted. */
export const CLAIM_SETTINGS = `
set idle_in_transaction_session_timeout = '1s';
set enable_seqscan = off;
set enable_hashjoin = off;
set enable_mergejoin = off`;

/**
 * Only leaves out gone nodes that have left nothing: it is no part of the decision. Not `exists`:
 * the planner may answer that by reading all open runs once.
 */
const LEFT_RUNS = `
  (select true from runs where owner = node and ended_at is null and wake_at is null limit 1)
  or (select true from runs where owner = node and ended_at is null and wake_at is not null limit 1)`;
export const GONE = `
select node from leases where until is null and (${LEFT_RUNS})
order by node for share of leases skip locked`;
/**
 * Owners that no node was ever registered as, or whose rows were deleted by hand: nothing can come back
 * under their numbers. One step through the index for each owner of open runs.
 */
export const UNKNOWN_OWNERS = `
with recursive active as (
  (select owner from runs where owner is not null and ended_at is null and wake_at is null
  order by owner limit 1)
  union all
  select (select owner from runs where owner > active.owner and ended_at is null
    and wake_at is null order by owner limit 1)
  from active where active.owner is not null
), sleeping as (
  (select owner from runs where owner is not null and ended_at is null and wake_at is not null
  order by owner limit 1)
  union all
  select (select owner from runs where owner > sleeping.owner and ended_at is null
    and wake_at is not null order by owner limit 1)
  from sleeping where sleeping.owner is not null
)
select owner as node from (select owner from active union select owner from sleeping) as owners
where owner is not null and not exists (select from nodes where nodes.id = owners.owner)`;
export const COUNT_GONE = `
select count(*)::int as gone from leases where until is null and (${LEFT_RUNS})`;
/**
 * One part for gone owners and one for no owner, so that each is read from its index. A part is read, and locked,
 * no further than it is asked for.
 */
export const LOCK_ACTIVE = `
with left_behind as (
  select id from runs where owner = any($1::int[]) and ended_at is null and wake_at is null
  limit $2 for no key update skip locked
), unowned as (
  select id from runs where owner is null and ended_at is null and wake_at is null
  limit $2 for no key update skip locked
)
select id from (select id from left_behind union all select id from unowned) as found limit $2`;
export const LOCK_DUE = `
with left_behind as (
  select id from runs where owner = any($1::int[]) and ended_at is null and wake_at is not null
  and wake_at <= to_timestamp($3::float8 / 1000) limit $2 for no key update skip locked
), unowned as (
  select id from runs where owner is null and ended_at is null and wake_at is not null
  and wake_at <= to_timestamp($3::float8 / 1000) limit $2 for no key update skip locked
)
select id from (select id from left_behind union all select id from unowned) as found limit $2`;
export const SET_OWNER = 'update runs set owner = $1, wake_at = null where id = any($2::uuid[])';
export const NEXT_DUE = `
select ${ms('min(at)')} as at from (
  select (
    select wake_at from runs where owner = gone.node and ended_at is null and wake_at is not null
    and wake_at > to_timestamp($2::float8 / 1000) and wake_at < 'infinity'
    order by wake_at limit 1) as at
  from unnest($1::int[]) as gone(node)
  union all (
    select wake_at from runs where owner is null and ended_at is null and wake_at is not null
    and wake_at > to_timestamp($2::float8 / 1000) and wake_at < 'infinity'
    order by owner, wake_at limit 1)
) as next`;
/** Without a condition on the owner: it would not wait for a row that looks like another's. */
export const RECHECK_OWNERS = `
select id, owner from runs where id = any($1::uuid[]) and ended_at is null for no key update`;

/** A name that is half-way back may give up: its runs are looked at again after so long. */
const CLAIM_AGAIN_MS = 1_000;

/** Not `patiently`: what a lost answer leaves behind must be looked at. */
export async function claim(
  connection: Connection,
  context: ConnectionContext,
  lease: NodeLease,
  now: number,
  limit: number,
): Promise<Claim> {
  let perhaps: readonly string[] = [];
  for (let tries = 0; ; tries++) {
    try {
      const claimed = await connection.use((client) =>
        inTransaction(client, async () => {
          if (!(await fence(client, lease))) return { runs: [], nextAt: null };
          const answer = await claimPage(client, lease, now, limit, perhaps);
          perhaps = answer.runs;
          return answer;
        }),
      );
      if (connection.takeSyncWaitCancelled()) await confirm(connection);
      return claimed;
    } catch (error) {
      await pauseAfterFault(error, connection, context, Math.min(20 * 2 ** tries, 2_000));
    }
  }
}

async function claimPage(
  client: pg.Client,
  lease: NodeLease,
  now: number,
  limit: number,
  perhaps: readonly string[],
): Promise<Claim> {
  const runs = perhaps.length === 0 ? [] : await alreadyOurs(client, lease.node, perhaps);
  const { rows } = await client.query<{ node: number }>({ name: 'gone', text: GONE });
  const unknown = await client.query<{ node: number }>({
    name: 'unknown-owners',
    text: UNKNOWN_OWNERS,
  });
  const left = rows.map((row) => row.node);
  const gone = [...left, ...unknown.rows.map((row) => row.node)];
  const lock = async (name: string, text: string, more: number[]): Promise<string[]> => {
    const wanted = limit - runs.length;
    if (wanted <= 0) return [];
    const values = [gone, wanted, ...more];
    const locked = await client.query<{ id: string }>({ name, text, values });
    const ids = locked.rows.map((row) => row.id);
    if (ids.length > 0) {
      await client.query({ name: 'take', text: SET_OWNER, values: [lease.node, ids] });
    }
    return ids;
  };
  runs.push(...(await lock('lock-active', LOCK_ACTIVE, [])));
  runs.push(...(await lock('lock-due', LOCK_DUE, [now])));
  return { runs, nextAt: await nextAt(client, gone, left.length, now) };
}

async function alreadyOurs(
  client: pg.Client,
  node: number,
  ids: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query<{ id: string; owner: number | null }>(RECHECK_OWNERS, [ids]);
  return rows.filter((row) => row.owner === node).map((row) => row.id);
}

async function nextAt(
  client: pg.Client,
  gone: readonly number[],
  left: number,
  now: number,
): Promise<number | null> {
  const next = await client.query<{ at: number | null }>({
    name: 'next-due',
    text: NEXT_DUE,
    values: [gone, now],
  });
  const counted = await client.query<{ gone: number }>({ name: 'count-gone', text: COUNT_GONE });
  const at = next.rows[0]?.at ?? null;
  if ((counted.rows[0]?.gone ?? 0) <= left) return at;
  return Math.min(at ?? Infinity, now + CLAIM_AGAIN_MS);
}

export const WHOSE = `
select owner, coalesce(leases.until is null, true) as gone
from runs left join leases on leases.node = runs.owner where runs.id = $1`;
export const STILL_GONE = 'select until is null as gone from leases where node = $1 for share';
/** An ended run stays as it is: its next owner may start it again. */
export const SET_OWNER_OF_ONE = `
update runs set owner = $1, wake_at = case when ended_at is null then null else wake_at end
where id = $2 and owner is not distinct from $3`;

/** `again`: it changed hands meanwhile. */
async function tryClaimRun(
  client: pg.Client,
  lease: NodeLease,
  run: string,
): Promise<'mine' | 'again' | { readonly owner: number } | null> {
  const { rows } = await client.query<{ owner: number | null; gone: boolean }>({
    name: 'whose',
    text: WHOSE,
    values: [run],
  });
  const row = rows[0];
  if (row === undefined) return null;
  const { owner, gone } = row;
  if (owner === lease.node) return 'mine';
  if (owner !== null && !gone) return { owner };
  const took = await inTransaction(client, () => claimOne(client, lease, run, owner));
  return took ? 'mine' : 'again';
}

export async function claimRun(
  connection: Connection,
  lease: NodeLease,
  run: string,
): Promise<'mine' | { readonly owner: number } | null> {
  if (!isRunId(run)) return null;
  for (;;) {
    const answer = await connection.withRetry((client) => tryClaimRun(client, lease, run));
    if (connection.takeSyncWaitCancelled()) await confirm(connection);
    if (answer !== 'again') return answer;
  }
}

async function claimOne(
  client: pg.Client,
  lease: NodeLease,
  run: string,
  owner: number | null,
): Promise<boolean> {
  if (!(await fence(client, lease))) throw new TuttiError('node.fenced');
  if (owner !== null) {
    // Waits for a node that is half-way back, and then finds it alive or gone for good. An owner
    // that is no node has no lease even then, and cannot come back.
    await client.query(GIVE_LEASES);
    const { rows } = await client.query<{ gone: boolean }>(STILL_GONE, [owner]);
    if (rows[0]?.gone === false) return false;
  }
  const taking = await client.query(SET_OWNER_OF_ONE, [lease.node, run, owner]);
  return taking.rowCount === 1;
}
