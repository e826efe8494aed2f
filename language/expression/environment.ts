/**
 * The one CEL environment that evaluates: built once, with what CEL lacks for JSON.
 *
 * JSON numbers arrive as doubles and literals are integers, so arithmetic between the two is
 * added, and equality between literals (order is there). Integers among themselves keep CEL's rules: 7 / 2 is 3.
 */
import { Environment } from '@marcbachmann/cel-js';
import { ExpressionError } from './failure.ts';
import { Patterns } from './patterns.ts';

export const EXPRESSION_CHARACTERS = 10_000;
export const RANGE_ELEMENTS = 100_000;
export const TEXT_CHARACTERS = 1_000_000;

const ARITHMETIC: readonly [string, (left: number, right: number) => number][] = [
  ['+', (left, right) => left + right],
  ['-', (left, right) => left - right],
  ['*', (left, right) => left * right],
  ['/', (left, right) => left / right],
  ['%', (left, right) => left % right],
];

function range(count: number): bigint[] {
  if (!Number.isInteger(count) || count < 0 || count > RANGE_ELEMENTS) {
    throw new ExpressionError(`range(n) takes a whole number from 0 to ${RANGE_ELEMENTS}`);
  }
  const list: bigint[] = [];
  for (let position = 0; position < count; position += 1) list.push(BigInt(position));
  return list;
}

function replace(text: string, from: string, to: string): string {
  const parts = text.split(from);
  if (text.length + (parts.length - 1) * to.length > TEXT_CHARACTERS) {
    throw new ExpressionError(`a text grew longer than ${TEXT_CHARACTERS} characters`);
  }
  return parts.join(to);
}

/** A fresh environment without variables; the checker builds on it too. */
export function createEnvironment(): Environment {
  const environment = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 500, maxDepth: 30 },
  });
  for (const [sign, calculate] of ARITHMETIC) {
    const mixed = (left: unknown, right: unknown) => calculate(Number(left), Number(right));
    environment.registerOperator(`double ${sign} int: double`, mixed);
    environment.registerOperator(`int ${sign} double: double`, mixed);
  }
  environment.registerOperator(
    'double == int: bool',
    (left: unknown, right: unknown) => Number(left) === Number(right),
  );
  environment.registerOperator(
    'double % double: double',
    (left: number, right: number) => left % right,
  );
  // Said to be synchronous: the library else wraps every call for promises.
  const sync = { async: false };
  environment.registerFunction(
    'range(int): list<int>',
    (count: bigint) => range(Number(count)),
    sync,
  );
  environment.registerFunction('range(double): list<int>', range, sync);
  const patterns = new Patterns();
  environment.registerFunction(
    'string.test(string): bool',
    (text: string, pattern: string) => patterns.compile(pattern).test(text),
    sync,
  );
  environment.registerFunction('string.replace(string, string): string', replace, sync);
  return environment;
}

/** Names that an expression can see; which of them have a value depends on its place. */
const SCOPE_NAMES = ['inputs', 'run', 'tasks', 'item', 'index', 'output', 'attempt'] as const;
export type ScopeName = (typeof SCOPE_NAMES)[number];

function evaluationEnvironment(): Environment {
  const environment = createEnvironment();
  for (const name of SCOPE_NAMES) environment.registerVariable(name, 'dyn');
  return environment;
}

export const EVALUATION: Environment = evaluationEnvironment();
