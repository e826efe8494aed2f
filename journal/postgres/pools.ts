/** Pools: those that workflows declare for themselves, and those that are documents of their own. */
import type pg from 'pg';
import type { Definition } from '../../model/definition.ts';
import { privatePool } from '../../model/pool.ts';
import type { PoolRow, PoolVersion } from '../pools.ts';
import { notifyIn } from './notifier.ts';
import { inTransaction } from './connection.ts';
import { ms } from './times.ts';

/** As the newest version has it, upwards and downwards. */
export const SET_PRIVATE_POOL = `
insert into pools (name, capacity, workflow) values ($1, $2, $3)
on conflict (name) do update set capacity = excluded.capacity`;
/** It declares none of those any more that were shared until now, or it had been refused. */
export const LEAVE_SHARED_POOLS = `
update pools set shared_by = nullif(array_remove(shared_by, $1), '{}') where $1 = any(shared_by)`;
export const INTRODUCE_POOL =
  'insert into pools (name, capacity) values ($1, $2) on conflict (name) do nothing';
export const LOCK_POOL = `
select pools.version, pool_versions.source,
  ${ms('pool_versions.deployed_at')} as "deployedAt"
from pools left join pool_versions on pool = name and pool_versions.version = pools.version
where name = $1 for update of pools`;
export const SET_SHARED_POOL = `
update pools set capacity = $2, title = $3, owner = $4, version = $5, same_as = null where name = $1`;
export const ADD_POOL_VERSION = `
insert into pool_versions (pool, version, slots, source, deployed_at, "by")
values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000), $6)`;
export const POOLS = `
select name, capacity, workflow, title, owner, version,
  coalesce(shared_by, '{}') as "sharedBy",
  (select coalesce(sum(slots), 0)::int from slots where pool = pools.name) as used
from pools where same_as is null order by name`;

export async function declarePools(
  client: pg.Client,
  { name: workflow, pools }: Pick<Definition, 'name' | 'pools'>,
): Promise<void> {
  // In one order, so that two deployments cannot wait for each other.
  for (const pool of Object.keys(pools).toSorted()) {
    await client.query(SET_PRIVATE_POOL, [privatePool(workflow, pool), pools[pool], workflow]);
  }
  await client.query(LEAVE_SHARED_POOLS, [workflow]);
}

interface Newest {
  readonly version: number;
  readonly source: string | null;
  readonly deployedAt: number | null;
}

export function deployPool(
  client: pg.Client,
  { pool, source, deployedAt, by }: PoolVersion,
): Promise<{ version: number; changed: boolean }> {
  const { name, slots, title, owner } = pool;
  return inTransaction(client, async () => {
    await client.query(INTRODUCE_POOL, [name, slots]);
    const { rows } = await client.query<Newest>(LOCK_POOL, [name]);
    const newest = rows[0];
    // Stored by this very call, whose answer was lost, when it is of this moment.
    if (newest?.source === source)
      return { version: newest.version, changed: newest.deployedAt === deployedAt };
    const version = (newest?.version ?? 0) + 1;
    await client.query(SET_SHARED_POOL, [name, slots, title ?? null, owner ?? null, version]);
    const about = [name, version, slots, source, deployedAt, JSON.stringify(by)];
    await client.query(ADD_POOL_VERSION, about);
    await notifyIn(client, { about: 'pools' });
    return { version, changed: true };
  });
}

export async function readPools(client: pg.Client): Promise<PoolRow[]> {
  return (await client.query<PoolRow>(POOLS)).rows;
}
