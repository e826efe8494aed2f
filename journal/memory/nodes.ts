/** Nodes in memory, as people look at them. */
import type { NodeRow } from '../nodes.ts';
import type { Book } from './book.ts';
import { endedAt, type StoredNode, wakeAt } from './rows.ts';

export function nodesOf(book: Book): readonly NodeRow[] {
  return book.nodes.map((node, index) => nodeRow(book, node, index));
}

function nodeRow(book: Book, node: StoredNode, index: number): NodeRow {
  const open = [...book.rows.values()].filter(
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
    alive: until !== null && until > book.now(),
    active,
    asleep: open.length - active,
  };
}
