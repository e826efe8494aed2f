/**
 * Purity: time, ids and chance are arguments (law 12), and the kernel touches nothing at all.
 *
 * `model`, `language`, `protocol` and `engine` may not ask the clock or chance; `kernel` may not even name what waits,
 * what is random, or what belongs to a process.
 */
import { homeOf } from './rooms.ts';
import {
  type Node,
  type SourceFile,
  type Violation,
  child,
  children,
  isTestCode,
  violation,
  walk,
  word,
} from './source.ts';

const ARGUMENTS = 'time, ids and chance are arguments: only so can the house be simulated.';
const NOTHING =
  'the kernel decides and does nothing else: no clock, no chance, no waiting, no I/O.';

/** Object and property of a call or read that asks the world. */
const ASKS: readonly (readonly [string, string])[] = [
  ['Date', 'now'],
  ['Math', 'random'],
  ['performance', 'now'],
  ['process', 'hrtime'],
  ['crypto', 'randomUUID'],
  ['crypto', 'getRandomValues'],
];
const ASKING_IMPORTS = new Set(['randomUUID', 'randomBytes', 'randomInt', 'randomFillSync']);

const FORBIDDEN_IN_KERNEL = new Set([
  'Promise',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'performance',
  'globalThis',
  'fetch',
  'console',
  'require',
  'crypto',
  'Buffer',
]);

export function purityViolations(file: SourceFile): Violation[] {
  const room = homeOf(file.path);
  if (
    isTestCode(file.path) ||
    !['model', 'language', 'protocol', 'kernel', 'engine'].includes(room)
  )
    return [];
  const found: Violation[] = [];
  walk(file.tree, (node, ancestors) => {
    const asked = asksWorld(node);
    if (asked !== undefined) found.push(violation(file, node, asked, ARGUMENTS));
    if (room !== 'kernel') return;
    const named = forbiddenInKernel(node, ancestors.at(-1));
    if (named !== undefined) found.push(violation(file, node, named, NOTHING));
  });
  return found;
}

function asksWorld(node: Node): string | undefined {
  if (node.type === 'MemberExpression' && node['computed'] !== true) {
    const object = word(child(node, 'object'), 'name');
    const property = word(child(node, 'property'), 'name');
    const hit = ASKS.find(([o, p]) => o === object && p === property);
    return hit === undefined ? undefined : `asks ${hit.join('.')}`;
  }
  if (node.type === 'NewExpression' && word(child(node, 'callee'), 'name') === 'Date') {
    return children(node, 'arguments').length === 0 ? 'asks new Date()' : undefined;
  }
  if (node.type === 'ImportSpecifier') {
    const name = word(child(node, 'imported'), 'name') ?? '';
    return ASKING_IMPORTS.has(name) ? `imports ${name}` : undefined;
  }
  return undefined;
}

function forbiddenInKernel(node: Node, parent: Node | undefined): string | undefined {
  if (node['async'] === true) return 'is async';
  if (node.type === 'AwaitExpression') return 'awaits';
  if (node.type !== 'Identifier' || isLabel(node, parent)) return undefined;
  const name = word(node, 'name') ?? '';
  return FORBIDDEN_IN_KERNEL.has(name) ? `names ${name}` : undefined;
}

/** The name of a property is no reference: `task.process` has nothing to do with `process`. */
function isLabel(node: Node, parent: Node | undefined): boolean {
  if (parent === undefined || parent['computed'] === true) return false;
  if (parent.type === 'MemberExpression') return parent['property'] === node;
  return parent['key'] === node && parent['shorthand'] !== true;
}
