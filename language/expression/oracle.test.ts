/**
 * Two second opinions on the CEL library: another implementation on random expressions, and the
 * conformance suite of the language as a number that may only rise.
 */
import { celEnv, parse as parseOther, plan } from '@bufbuild/cel';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Scope, ExpressionError, compileExpression } from '../expression.ts';
import type { Json } from '../../model/json.ts';

const inputs = { a: true, b: false, s: 'text', t: '', list: ['x', 'text'], d: 1.5, e: -2.25 };
const scope: Scope = {
  inputs,
  run: { id: '', workflow: '', version: 1, key: '', businessDate: '' },
  tasks: {},
};

const { number, text, truth } = fc.letrec<{ number: string; text: string; truth: string }>(
  (tie) => ({
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('inputs.d', 'inputs.e', '0.5', '3.0', '100.25'),
      fc.tuple(tie('number'), fc.constantFrom('+', '-', '*'), tie('number')).map(infix),
    ),
    text: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('inputs.s', 'inputs.t', '"x"', "'te'", '"ä€"'),
      fc.tuple(tie('text'), fc.constant('+'), tie('text')).map(infix),
      fc.tuple(tie('truth'), tie('text'), tie('text')).map(([c, l, r]) => `(${c} ? ${l} : ${r})`),
    ),
    truth: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('inputs.a', 'inputs.b', 'true', 'false', 'has(inputs.s)', 'has(inputs.zz)'),
      fc.tuple(tie('truth'), fc.constantFrom('&&', '||', '==', '!='), tie('truth')).map(infix),
      fc
        .tuple(tie('number'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('number'))
        .map(infix),
      fc.tuple(tie('text'), fc.constantFrom('==', '!=', '<', '>='), tie('text')).map(infix),
      fc
        .tuple(tie('text'), fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('text'))
        .map(([l, f, r]) => `${l}.${f}(${r})`),
      tie('text').map((t) => `(${t} in inputs.list)`),
      tie('text').map((t) => `inputs.list.exists(v, v == ${t})`),
      tie('truth').map((t) => `!${t}`),
    ),
  }),
);

function infix([left, sign, right]: readonly string[]): string {
  return `(${left} ${sign} ${right})`;
}

const environment = celEnv();

function other(source: string): Json {
  const result: unknown = plan(environment, parseOther(source))({ inputs });
  if (result instanceof Error) throw result;
  return result as Json;
}

it('agrees with another implementation on random expressions', () => {
  const tooLarge = /more than 500 parts|nest(?:ed)? deeper/;
  fc.assert(
    fc.property(fc.oneof(number, text, truth), (source) => {
      const ours = outcome(source);
      // Limits are ours alone; anything else would be a disagreement.
      fc.pre(!(ours instanceof Error && tooLarge.test(ours.message)));
      expect(ours).toEqual(other(source));
    }),
    { numRuns: 300 },
  );
});

function outcome(source: string): unknown {
  try {
    return compileExpression(source).evaluate(scope);
  } catch (error) {
    return error;
  }
}

it('never throws anything but ExpressionError', () => {
  const tokens =
    `inputs . s [ ] ( ) { } + - && || ! ? : , "a" ' " 1 2.5 x map exists cel.bind has tasks \\ ` +
    '${{ }} __proto__ constructor null in // duration r" b" 🎼 \n';
  const token = fc.constantFrom(...tokens.split(' '), ' ');
  fc.assert(
    fc.property(fc.array(token, { maxLength: 25 }), (parts) => {
      const found = outcome(parts.join(''));
      return !(found instanceof Error) || found instanceof ExpressionError;
    }),
    { numRuns: 2_000 },
  );
});
