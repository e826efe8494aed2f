/** The nodes of a database with what each of them holds, and the key that all of them share. */
import type pg from 'pg';
import { bug } from '../../model/errors.ts';
import { type NodeRow, OPEN_COUNTED_MAX } from '../nodes.ts';
import { ms } from './times.ts';

export const NODES = `
select id as node, name, epoch::float8 as epoch, url, host, pid,
  coalesce(${ms('until')}, 0) as "leaseUntil",
  coalesce(until > now(), false) as alive,
  ${ms('registered_at')} as "registeredAt",
  (select count(*)::int from (select from runs where owner = nodes.id
    and ended_at is null and wake_at is null limit ${OPEN_COUNTED_MAX}) as open) as active,
  (select count(*)::int from (select from runs where owner = nodes.id
    and ended_at is null and wake_at is not null limit ${OPEN_COUNTED_MAX}) as open) as asleep
from nodes left join leases on leases.node = nodes.id order by id`;
export const NODE_KEY = 'select key from node_key';

export async function listNodes(client: pg.Client): Promise<readonly NodeRow[]> {
  return (await client.query<NodeRow>(NODES)).rows;
}

export async function nodeKey(client: pg.Client): Promise<Uint8Array> {
  const { rows } = await client.query<{ key: Uint8Array }>(NODE_KEY);
  return rows[0]?.key ?? bug('the table node_key is empty');
}
