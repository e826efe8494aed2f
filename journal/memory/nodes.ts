/** Nodes in memory, as people look at them. */
import type { NodeRow } from '../nodes.ts';
import type { MemoryStore } from './store.ts';
import { endedAt, type StoredNode, wakeAt } from './rows.ts';

export function nodesOf(store: MemoryStore): readonly NodeRow[] {
  return store.nodes.map((node, index) => nodeRow(store, node, index));
}

function nodeRow(store: MemoryStore, node: StoredNode, index: number): NodeRow {
  const open = [...store.rows.values()].filter(
    (row) => row.owner === index && endedAt(row) === null,
  );
  const active = open.filter((row) => wakeAt(row) === null).length;
  const { name, epoch, url, until, registeredAt } = node;
  return {
    node: index,
    name,
    epoch,
    url,
    registeredAt,
    host: null,
    pid: null,
    leaseUntil: until ?? 0,
    alive: until !== null && until > store.now(),
    active,
    asleep: open.length - active,
  };
}
