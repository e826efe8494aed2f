/**
 * What a module remembers between two calls makes one run depend on another. In the pure rooms a
 * module holds constants only: no `let`, no collection that is made to be filled, nothing that a
 * function changes later. A cache belongs to the object whose life it shares.
 */
import { homeOf } from './rooms.ts';
import { isShipped } from './shipped.ts';
import {
  type Node,
  type SourceFile,
  type Violation,
  child,
  children,
  violation,
  walk,
  word,
} from './source.ts';

const ROOMS: readonly string[] = ['model', 'language', 'protocol', 'kernel'];
const FORGETFUL =
  'a module that remembers makes one run depend on another: hold it in the state, or in what is handed in.';
const COLLECTIONS = new Set(['Map', 'Set', 'WeakMap', 'WeakSet']);
const CHANGES = new Set(
  'set add delete clear push pop shift unshift splice sort reverse fill copyWithin'.split(' '),
);

export function memoryViolations(file: SourceFile): Violation[] {
  if (!isShipped(file.path) || !ROOMS.includes(homeOf(file.path))) return [];
  const variables = children(file.tree, 'body')
    .map((node) => child(node, 'declaration') ?? node)
    .filter((node) => node.type === 'VariableDeclaration');
  const made = variables.filter((node) => node['kind'] !== 'const' || isFilledLater(node));
  const names = new Set(
    variables.flatMap((node) =>
      children(node, 'declarations').flatMap((one) => word(child(one, 'id'), 'name') ?? []),
    ),
  );
  const changed: Node[] = [];
  walk(file.tree, (node, ancestors) => {
    if (isStaticMemory(node)) made.push(node);
    const isLater = ancestors.some(({ type }) => /Function/.test(type));
    const name = isLater ? changedName(node) : undefined;
    if (name !== undefined && names.has(name)) changed.push(node);
  });
  return [
    ...made.map((node) =>
      violation(file, node, 'remembers something between two calls', FORGETFUL),
    ),
    ...changed.map((node) => violation(file, node, 'changes what its module holds', FORGETFUL)),
  ];
}

function isFilledLater(declaration: Node): boolean {
  return children(declaration, 'declarations').some((one) => isEmptyCollection(child(one, 'init')));
}

function isEmptyCollection(made: Node | undefined): boolean {
  const kind = word(child(made, 'callee'), 'name') ?? '';
  const isNew = made?.type === 'NewExpression' && COLLECTIONS.has(kind);
  return isNew && children(made, 'arguments').length === 0;
}

/** A field of the class itself lives as long as the module. */
function isStaticMemory(node: Node): boolean {
  if (node.type !== 'PropertyDefinition' || node['static'] !== true) return false;
  return node['readonly'] !== true || isEmptyCollection(child(node, 'value'));
}

/** `meter` of `meter.left -= 1`, `list` of `list.push(x)`. */
function changedName(node: Node): string | undefined {
  if (node.type === 'CallExpression') {
    const callee = child(node, 'callee');
    const method = word(child(callee, 'property'), 'name') ?? '';
    return callee?.type === 'MemberExpression' && CHANGES.has(method)
      ? ownerOf(child(callee, 'object'))
      : undefined;
  }
  const target = child(node, node.type === 'UpdateExpression' ? 'argument' : 'left');
  const isChange = node.type === 'UpdateExpression' || node.type === 'AssignmentExpression';
  return isChange && target?.type === 'MemberExpression' ? ownerOf(target) : undefined;
}

function ownerOf(node: Node | undefined): string | undefined {
  return node?.type === 'MemberExpression' ? ownerOf(child(node, 'object')) : word(node, 'name');
}
