/**
 * The conformance suite of CEL, as far as JSON goes: a number that may only rise. What is left
 * out: bindings, containers and expected values that JSON cannot say (texts with U+0000, which cannot be stored, are among them).
 */
import { tests } from '@bufbuild/cel-spec/testdata/conformance.js';
import { expect, it } from 'vitest';
import { type Scope, compileExpression } from '../expression.ts';
import { toJson } from './values.ts';

const CORE = new Set(
  'basic comparisons conversions fields fp_math integer_math lists logic macros parse plumbing string timestamps'.split(
    ' ',
  ),
);
const PASSED_AT_LEAST = 803;

const scope: Scope = {
  inputs: {},
  run: { id: '', workflow: '', version: 1, key: '', businessDate: '' },
  tasks: {},
};

interface Wire {
  readonly [key: string]: unknown;
}
interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly { readonly original: Wire }[];
}

function leaves(suite: Suite): readonly Wire[] {
  const own = (suite.tests ?? []).map(({ original }) => original);
  return [...own, ...(suite.suites ?? []).flatMap(leaves)];
}

/** The expected value as JSON; undefined where it cannot be said. */
function expected(value: Wire): unknown {
  const [[kind, content] = ['', undefined]] = Object.entries(value);
  switch (kind) {
    case 'nullValue':
      return null;
    case 'int64Value':
    case 'uint64Value':
    case 'doubleValue':
      return Number.isFinite(Number(content)) ? Number(content) : undefined;
    case 'boolValue':
      return content;
    case 'stringValue':
      return String(content).includes('\0') ? undefined : content;
    case 'listValue':
      return ((content as { values?: Wire[] }).values ?? []).map(expected);
    default:
      return undefined;
  }
}

function passes(test: Wire): boolean {
  let found: unknown;
  try {
    found = toJson(compileExpression(String(test.expr)).evaluate(scope));
  } catch {
    return 'evalError' in test;
  }
  return 'value' in test && JSON.stringify(found) === JSON.stringify(expected(test.value as Wire));
}

it('passes no fewer conformance tests than before', () => {
  const suites: readonly Suite[] = (tests as Suite).suites ?? [];
  const eligible = suites
    .filter(({ name }) => CORE.has(name))
    .flatMap(leaves)
    .filter((test) => !('bindings' in test) && !('container' in test))
    .filter(
      (test) =>
        'evalError' in test || ('value' in test && expected(test.value as Wire) !== undefined),
    );
  const passed = eligible.filter(passes).length;
  expect(passed).toBeGreaterThanOrEqual(PASSED_AT_LEAST);
});
