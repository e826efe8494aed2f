/**
 * Values that stand for nothing. A `-1` or an empty text in the place of what is not there is passed
 * on as if it were; absence is a type. A text that is searched answers -1: who asks says `undefined`.
 */
import { isShipped } from './shipped.ts';
import { type Node, type SourceFile, type Violation, child, violation, walk } from './source.ts';

const BECAUSE = 'what is not there is absent in the type, or an error of ours (`bug`).';

export function sentinelViolations(file: SourceFile): Violation[] {
  if (!file.path.startsWith('language/') || !isShipped(file.path)) return [];
  const found: Violation[] = [];
  walk(file.tree, (node) => {
    const stands = node.type === 'LogicalExpression' && node['operator'] === '??';
    if (stands && isNothing(child(node, 'right')))
      found.push(violation(file, node, 'puts a value in the place of nothing', BECAUSE));
    if (node.type === 'ReturnStatement' && isNothing(child(node, 'argument')))
      found.push(violation(file, node, 'returns a value for nothing', BECAUSE));
  });
  return found;
}

function isNothing(node: Node | undefined): boolean {
  if (node?.type === 'UnaryExpression' && node['operator'] === '-')
    return child(node, 'argument')?.['value'] === 1;
  return node?.type === 'Literal' && node['value'] === '';
}
