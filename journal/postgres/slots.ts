/**
 * Slots of pools, across nodes. A node that acquires slots locks the pools' rows first, in one order, so
 * two takers never see the same free slot and never wait for each other; the statement after the
 * lock sees what the one before it wrote. Releasing needs no lock: it only frees capacity.
 */
import type pg from 'pg';
import type { NodeLease } from '../ownership.ts';
import type { Grant, PoolState, SlotKey, Slots, SlotWant } from '../slots.ts';
import { notifyIn } from './notifier.ts';
import { fence } from './lease.ts';
import { inTransaction } from './connection.ts';
import { ms } from './times.ts';

/** Some names lead to others: what a pool was called before it was a workflow's own. */
export const OWN_NAMES = `
select name as asked, coalesce(same_as, name) as name from pools where name = any($1::text[])`;
export const LOCK_POOLS =
  'select name, capacity from pools where name = any($1::text[]) order by name for no key update';
/**
 * In a run that has ended or sleeps nothing is under way: what its node could not give back goes
 * here. One that is due soon gives it back itself; a start that waits for a node is due at once.
 */
export const SWEEP_SLOTS = `
delete from slots using runs
where slots.pool = any($1::text[]) and runs.id = slots.run
  and (runs.ended_at is not null or runs.wake_at > now() + interval '1 minute')`;
export const HELD_SLOTS = `
select run, task, attempt, pool, slots, ${ms('taken_at')} as since
from slots where pool = any($1::text[]) order by taken_at`;
export const ACQUIRE_SLOTS = `
insert into slots (run, task, attempt, pool, slots)
select * from unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::int[])
on conflict do nothing`;
export const RELEASE_SLOTS = `
delete from slots using unnest($1::uuid[], $2::text[], $3::int[]) as given(run, task, attempt)
where slots.run = given.run and slots.task = given.task and slots.attempt = given.attempt`;
export const RELEASE_OTHER_SLOTS = `
delete from slots where run = $1 and not exists (
  select from unnest($2::text[], $3::int[]) as kept(task, attempt)
  where kept.task = slots.task and kept.attempt = slots.attempt)`;

interface HeldRow extends SlotKey {
  readonly pool: string;
  readonly slots: number;
  readonly since: number;
}

const MOST_HOLDERS = 3;

function keyOf({ run, task, attempt }: SlotKey): string {
  return `${run}:${task}:${attempt}`;
}

function columnsOf(keys: readonly SlotKey[]): [string[], string[], number[]] {
  return [
    keys.map(({ run }) => run),
    keys.map(({ task }) => task),
    keys.map(({ attempt }) => attempt),
  ];
}

type Acquired = Awaited<ReturnType<Slots['acquire']>>;

async function acquire(
  client: pg.Client,
  lease: NodeLease,
  wants: readonly SlotWant[],
  grant: Grant,
): Promise<Acquired> {
  const asked = [...new Set(wants.flatMap(({ slots }) => Object.keys(slots)))].toSorted();
  return inTransaction(client, async () => {
    if (!(await fence(client, lease))) return { granted: wants.map(() => false), pools: [] };
    const names = await client.query<{ asked: string; name: string }>(OWN_NAMES, [asked]);
    const own = new Map(names.rows.map((row) => [row.asked, row.name]));
    const pools = [...new Set(asked.map((name) => own.get(name) ?? name))].toSorted();
    const locked = await client.query<{ name: string; capacity: number }>(LOCK_POOLS, [pools]);
    const capacities = new Map(locked.rows.map(({ name, capacity }) => [name, capacity]));
    await client.query(SWEEP_SLOTS, [pools]);
    const { rows } = await client.query<HeldRow>(HELD_SLOTS, [pools]);
    const states = new Map(
      pools.map((pool) => {
        const holders = rows.filter((row) => row.pool === pool);
        const used = holders.reduce((sum, { slots }) => sum + slots, 0);
        const shown = holders.slice(0, MOST_HOLDERS);
        return [pool, { pool, capacity: capacities.get(pool) ?? null, used, holders: shown }];
      }),
    );
    const named = wants.map((want) => ({ ...want, slots: underOwnNames(want.slots, own) }));
    const holding = new Set(rows.map(keyOf));
    const asking = named.map((want) => ({ ...want, held: holding.has(keyOf(want)) }));
    const granted = grant(asking, states);
    const taken = asking.filter(({ held }, index) => granted[index] === true && !held);
    await note(client, taken);
    for (const want of taken) {
      for (const [pool, count] of Object.entries(want.slots)) {
        const state = states.get(pool);
        if (state !== undefined) state.used += count;
      }
    }
    const found = asked.flatMap((pool): PoolState[] => {
      const state = states.get(own.get(pool) ?? pool);
      return state === undefined ? [] : [{ ...state, pool }];
    });
    return { granted, pools: found };
  });
}

async function note(client: pg.Client, wants: readonly SlotWant[]): Promise<void> {
  const taken = wants.flatMap((want) =>
    Object.entries(want.slots).map(([pool, count]) => ({ ...want, pool, count })),
  );
  if (taken.length === 0) return;
  const columns = [taken.map(({ pool }) => pool), taken.map(({ count }) => count)];
  await client.query(ACQUIRE_SLOTS, [...columnsOf(taken), ...columns]);
}

function underOwnNames(
  slots: SlotWant['slots'],
  own: ReadonlyMap<string, string>,
): SlotWant['slots'] {
  return Object.fromEntries(
    Object.entries(slots).map(([pool, count]) => [own.get(pool) ?? pool, count]),
  );
}

/** What a fenced node would release is not its own any more. */
async function releasing(
  client: pg.Client,
  lease: NodeLease,
  release: () => Promise<unknown>,
): Promise<void> {
  await inTransaction(client, async () => {
    if (!(await fence(client, lease))) return;
    await release();
    await notifyIn(client, { about: 'slots' });
  });
}

export const SLOTS = {
  acquire,
  release: (client: pg.Client, lease: NodeLease, keys: readonly SlotKey[]) =>
    releasing(client, lease, () => client.query(RELEASE_SLOTS, columnsOf(keys))),
  releaseOthers: (client: pg.Client, lease: NodeLease, run: string, keys: readonly SlotKey[]) => {
    const [, tasks, attempts] = columnsOf(keys);
    return releasing(client, lease, () =>
      client.query(RELEASE_OTHER_SLOTS, [run, tasks, attempts]),
    );
  },
};
