/**
 * What can be known of an expression from its tree alone: which tasks it refers to, whether it
 * uses what is forbidden, and how deep its loops nest.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { RESERVED_NAMES } from '../workflow.ts';
import { ExpressionError } from './failure.ts';

export const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const LOOP_NESTING = 2;

export interface Reference {
  readonly task: string;
  readonly offset: number;
}

/** A loop of the expression: what it walks over, and what it does for each element. */
export interface Loop {
  readonly iterable: ASTNode;
  readonly body: readonly ASTNode[];
  readonly nesting: number;
}

export interface Survey {
  readonly references: readonly Reference[];
  readonly loops: readonly Loop[];
  /** Names of the scope that it uses at all: `inputs`, `item`... */
  readonly names: ReadonlySet<string>;
}

interface Walk {
  readonly references: Reference[];
  readonly loops: Loop[];
  readonly names: Set<string>;
}

/** Throws ExpressionError for what is forbidden. */
export function survey(tree: ASTNode): Survey {
  const walk: Walk = { references: [], loops: [], names: new Set() };
  visit(tree, new Set(), 0, walk);
  return walk;
}

type Bound = ReadonlySet<string>;

function visit(node: ASTNode, bound: Bound, nesting: number, walk: Walk): void {
  switch (node.op) {
    case 'value':
      return;
    case 'id':
      return visitName(node.args, node.start, bound, walk);
    case '.':
    case '.?':
    case '[]':
    case '[?]':
      return visitAccess(node, bound, nesting, walk);
    case 'call':
      for (const argument of node.args[1]) visit(argument, bound, nesting, walk);
      return;
    case 'rcall':
      return visitMethod(node, bound, nesting, walk);
    case 'map':
      for (const [key, value] of node.args) {
        if (key.op === 'value') refuseLostKey(key.args, key.start);
        visit(key, bound, nesting, walk);
        visit(value, bound, nesting, walk);
      }
      return;
    case '!_':
    case '-_':
      return visit(node.args, bound, nesting, walk);
    case 'list':
    case '?:':
    case '||':
    case '&&':
    case '!=':
    case '==':
    case 'in':
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '<':
    case '<=':
    case '>':
    case '>=':
      for (const part of node.args) visit(part, bound, nesting, walk);
  }
}

/**
 * The key of a map: what a literal says, or what was calculated. The library leaves reserved names
 * out of the map that it makes, without a word.
 */
export function refuseLostKey(key: unknown, offset?: number): void {
  if (typeof key !== 'string' || !RESERVED_NAMES.has(key)) return;
  throw new ExpressionError(`a map cannot have the key "${key}": rename it`, offset);
}

function visitName(name: string, offset: number, bound: Bound, walk: Walk): void {
  if (bound.has(name)) return;
  walk.names.add(name);
  if (name !== 'tasks') return;
  throw new ExpressionError(
    "tasks must be followed by a name: tasks.extract or tasks['post-ledger']",
    offset,
  );
}

type Access = Extract<ASTNode, { op: '.' | '.?' | '[]' | '[?]' }>;

function visitAccess(node: Access, bound: Bound, nesting: number, walk: Walk): void {
  const [left, right] = node.args;
  if (left.op === 'id' && left.args === 'tasks' && !bound.has('tasks')) {
    const task = taskName(right);
    if (task === undefined) visitName('tasks', left.start, bound, walk);
    else walk.references.push({ task, offset: typeof right === 'string' ? node.pos : right.start });
    walk.names.add('tasks');
    return;
  }
  visit(left, bound, nesting, walk);
  if (typeof right !== 'string') visit(right, bound, nesting, walk);
}

function taskName(right: ASTNode | string): string | undefined {
  if (typeof right === 'string') return right;
  return right.op === 'value' && typeof right.args === 'string' ? right.args : undefined;
}

type Method = Extract<ASTNode, { op: 'rcall' }>;

function visitMethod(node: Method, bound: Bound, nesting: number, walk: Walk): void {
  const [method, receiver, given] = node.args;
  if (method === 'matches') {
    throw new ExpressionError('matches(...) is not offered: use test(...)', receiver.end);
  }
  const [first, ...rest] = given;
  if (LOOPS.has(method) && first?.op === 'id') {
    if (nesting >= LOOP_NESTING) {
      throw new ExpressionError(`loops nest deeper than ${LOOP_NESTING}`, receiver.end);
    }
    visit(receiver, bound, nesting, walk);
    walk.loops.push({ iterable: receiver, body: rest, nesting });
    const inside = new Set([...bound, first.args]);
    for (const part of rest) visit(part, inside, nesting + 1, walk);
    return;
  }
  if (method === 'bind' && receiver.op === 'id' && receiver.args === 'cel' && first?.op === 'id') {
    const [value, body] = rest;
    if (value !== undefined) visit(value, bound, nesting, walk);
    if (body !== undefined) visit(body, new Set([...bound, first.args]), nesting, walk);
    return;
  }
  visit(receiver, bound, nesting, walk);
  for (const argument of given) visit(argument, bound, nesting, walk);
}

/**
 * The library takes `has(a.b.c)` only; names with dashes need `has(tasks['post-ledger'].output)`.
 * The macro reads nothing but operator and operands of the chain, so brackets around a literal
 * are turned into dots before the tree is checked.
 */
export function allowBracketsInHas(tree: ASTNode): void {
  if (tree.op === 'call' && tree.args[0] === 'has') {
    for (const argument of tree.args[1]) dotted(argument);
  }
  for (const child of children(tree)) allowBracketsInHas(child);
}

function dotted(node: ASTNode): void {
  if (node.op !== '.' && node.op !== '.?' && node.op !== '[]' && node.op !== '[?]') return;
  const [left, right] = node.args;
  if (typeof right !== 'string' && right.op === 'value' && typeof right.args === 'string') {
    Object.assign(node, { op: node.op === '[]' ? '.' : '.?', args: [left, right.args] });
  }
  dotted(left);
}

export function children(node: ASTNode): readonly ASTNode[] {
  const parts: unknown[] = Array.isArray(node.args) ? node.args.flat(2) : [node.args];
  return parts.filter(isNode);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}
