/** Nodes as a table: those that live first. */
import type { NodeView } from '../../protocol/nodes.ts';
import { duration, harmless, type Paint, table } from './words.ts';

export function nodeTable(
  nodes: readonly NodeView[],
  paint: Pick<Paint, 'bold' | 'dim'>,
  now: number,
): string[] {
  if (nodes.length === 0) return ['There are no nodes.'];
  const rows = nodes
    .toSorted((a, b) => Number(b.alive) - Number(a.alive) || a.name.localeCompare(b.name))
    .map((node) => [
      harmless(node.name),
      harmless(node.url ?? '-'),
      node.alive ? paint.bold('alive') : paint.dim('gone'),
      node.alive ? duration(Math.max(0, node.leaseUntil - now)) : '-',
      String(node.active),
      String(node.asleep),
    ]);
  return table([['node', 'address', '', 'lease left', 'active', 'asleep'], ...rows]);
}
