/**
 * Bounds on what one evaluation may cost, so that no expression can hold the event loop.
 *
 * CEL has no unbounded loop, but nested comprehensions, string doubling and long comparisons make
 * a few characters cost seconds. The library has no cost limit, so nodes that can grow a value or
 * repeat work are wrapped once, when the expression is compiled: everything else runs at full
 * speed. One unit is about the evaluation of one node. Each compiled expression has its own meter:
 * its evaluation is synchronous and never nests.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { RANGE_ELEMENTS, TEXT_CHARACTERS } from './environment.ts';
import { ExpressionError } from './failure.ts';
import { LOOPS, type Loop, type Survey, children, refuseLostKey } from './references.ts';

const LOOP_ELEMENTS = 10_000;
const UNITS = 300_000;
/** Timezone lookups go through the host's formatter: about 100 µs each. */
const ZONE_UNITS = 3_000;
/** An error inside `exists` or `all` is swallowed per element; making one costs microseconds. */
const ERROR_UNITS = 300;
const DURATION_CHARACTERS = 64;
const CHARACTERS_PER_UNIT = 64;
/** Comparisons outside loops run once each: only many of them, on large values, add up. */
const FREE_COMPARISONS = 20;
/** Methods that compare memory; the others walk, copy or match, which costs far more. */
const LIGHT = new Set([
  'contains',
  'startsWith',
  'endsWith',
  'indexOf',
  'lastIndexOf',
  'substring',
]);
const HEAVY_CHARACTERS_PER_UNIT = 4;

const exhausted = new ExpressionError(
  'the expression does too much work: walk over fewer elements or smaller texts',
);

/** What an expression may still spend in the evaluation under way. */
class Meter {
  left = UNITS;

  /** Runs an evaluation under a fresh allowance. A refusal that `||` swallowed is still a refusal. */
  run<T>(evaluate: () => T): T {
    this.left = UNITS;
    const result = evaluate();
    if (this.left < 0) throw new ExpressionError(exhausted.message);
    return result;
  }

  check(): void {
    if (this.left < 0) throw exhausted;
  }

  spend(units: number): void {
    this.left -= units;
    this.check();
  }
}

type Guard = (value: unknown, meter: Meter) => void;
type Evaluate = (...given: unknown[]) => unknown;

/** The library replaces `evaluate` of a node at its first use, hence the accessor. */
function wrap(node: ASTNode, guards: readonly Guard[], meter: Meter, chargesErrors: boolean): void {
  const holder = node as unknown as { evaluate: Evaluate };
  let inner = holder.evaluate;
  const guarded: Evaluate = (...given) => {
    const value = inner.apply(node, given);
    for (const guard of guards) guard(value, meter);
    return value;
  };
  const outer = chargesErrors ? chargingErrors(guarded, meter) : guarded;
  Object.defineProperty(node, 'evaluate', {
    configurable: true,
    get: () => outer,
    set: (next: Evaluate) => {
      inner = next;
    },
  });
}

function chargingErrors(evaluate: Evaluate, meter: Meter): Evaluate {
  return (...given) => {
    meter.check();
    try {
      return evaluate(...given);
    } catch (error) {
      meter.spend(ERROR_UNITS);
      throw error;
    }
  };
}

/** Wraps what needs it; undefined when nothing does. Call it after the tree was type-checked. */
export function guardTree(tree: ASTNode, { loops }: Survey): Meter | undefined {
  const guards = new Map<ASTNode, Guard[]>();
  const add: Add = (node, guard) => {
    const list = guards.get(node);
    if (list === undefined) guards.set(node, [guard]);
    else if (!list.includes(guard)) list.push(guard);
  };
  const comparisons: ASTNode[] = [];
  each(tree, (node) => {
    guardGrowth(node, add);
    guardKeys(node, add);
    guardCall(node, add);
    if (COMPARISONS.has(node.op)) comparisons.push(node);
  });
  if (comparisons.length > FREE_COMPARISONS) {
    for (const node of comparisons) guardComparison(node, add);
  }
  const bodies = new Set(loops.flatMap(({ body }) => body));
  for (const body of bodies) guards.set(body, guards.get(body) ?? []);
  for (const loop of loops) guardLoop(loop, add);
  if (guards.size === 0) return undefined;
  const meter = new Meter();
  for (const [node, list] of guards) wrap(node, list, meter, bodies.has(node));
  return meter;
}

type Add = (node: ASTNode, guard: Guard) => void;

function guardGrowth(node: ASTNode, add: Add): void {
  if (node.op === '+' || node.op === 'call' || node.op === 'rcall') add(node, boundSize);
  if (node.op === 'call' && node.args[0] === 'duration') {
    for (const argument of node.args[1]) add(argument, boundDuration);
  }
  if (node.op === 'rcall' && node.args[0] === 'join') add(node.args[1], boundJoin);
}

/** Literal keys were looked at when the tree was surveyed. */
function guardKeys(node: ASTNode, add: Add): void {
  if (node.op !== 'map') return;
  for (const [key] of node.args) {
    if (key.op !== 'value') add(key, refuseKey);
  }
}

const refuseKey: Guard = (key) => refuseLostKey(key);

function boundSize(value: unknown, meter: Meter): void {
  if (typeof value === 'string' && value.length > TEXT_CHARACTERS) throw longText();
  if (!Array.isArray(value)) return;
  if (value.length > RANGE_ELEMENTS) {
    throw new ExpressionError(`a list grew longer than ${RANGE_ELEMENTS} elements`);
  }
  meter.spend(value.length);
}

function longText(): ExpressionError {
  return new ExpressionError(`a text grew longer than ${TEXT_CHARACTERS} characters`);
}

/** The library's duration pattern backtracks over long digits. */
function boundDuration(value: unknown): void {
  if (typeof value === 'string' && value.length > DURATION_CHARACTERS) {
    throw new ExpressionError(`a duration has at most ${DURATION_CHARACTERS} characters`);
  }
}

function boundJoin(value: unknown): void {
  if (!Array.isArray(value)) return;
  let characters = 0;
  for (const item of value) characters += typeof item === 'string' ? item.length : 0;
  if (characters > TEXT_CHARACTERS) throw longText();
}

function guardLoop({ iterable, body }: Loop, add: Add): void {
  let nodes = 1;
  for (const part of body) {
    each(part, (node) => {
      nodes += 1;
      if (COMPARISONS.has(node.op) || node.op === '+') guardComparison(node, add);
    });
  }
  add(iterable, (value, meter) => {
    const elements = countElements(value);
    if (elements > LOOP_ELEMENTS) {
      throw new ExpressionError(
        `a loop walks over at most ${LOOP_ELEMENTS} elements, found ${elements}`,
        iterable.start,
      );
    }
    meter.spend(elements * nodes);
  });
}

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', 'in', '<', '<=', '>', '>=']);

const spendWeight: Guard = (value, meter) =>
  meter.spend(weigh(value, CHARACTERS_PER_UNIT, 0, meter));
const spendHeavy: Guard = (value, meter) =>
  meter.spend(weigh(value, HEAVY_CHARACTERS_PER_UNIT, 0, meter));
const spendZone: Guard = (_value, meter) => meter.spend(ZONE_UNITS);

/** Where comparisons repeat, the size of what is compared counts. */
function guardComparison(node: ASTNode, add: Add): void {
  if (!Array.isArray(node.args)) return;
  for (const part of children(node)) add(part, spendWeight);
}

/** What a function is given counts wherever it stands. */
function guardCall(node: ASTNode, add: Add): void {
  if (node.op === 'call') {
    for (const part of node.args[1]) add(part, spendHeavy);
  }
  if (node.op !== 'rcall' || LOOPS.has(node.args[0])) return;
  const [method, receiver, given] = node.args;
  const zoned = method.startsWith('get') && given.length > 0;
  add(receiver, LIGHT.has(method) ? spendWeight : spendHeavy);
  for (const part of given) add(part, spendWeight);
  if (zoned) add(node, spendZone);
}

function weigh(value: unknown, perUnit: number, depth: number, meter: Meter): number {
  if (typeof value === 'string') return 1 + Math.floor(value.length / perUnit);
  if (typeof value !== 'object' || value === null || depth > 100) return 1;
  let weight = 1;
  for (const item of Array.isArray(value) ? value : Object.values(value)) {
    weight += weigh(item, perUnit, depth + 1, meter);
    if (weight > meter.left) break;
  }
  return weight;
}

function countElements(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

function each(node: ASTNode, visit: (node: ASTNode) => void): void {
  visit(node);
  for (const child of children(node)) each(child, visit);
}
