/** The reader never throws, never hangs and never touches a prototype, whatever it is given. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatProblem, lowerWorkflow, readWorkflow } from './read.ts';

const VALID = `workflow: w
title: "A \${{ title }}"
inputs: { n: { type: integer, default: 3 }, s: string }
pools: { p: 2 }
tasks:
  a:
    action: shell.run
    with: { script: 'echo \${{ inputs.s }}', list: [1, 2.5, null, true] }
    retry: { attempts: 3, delay: 1s, on: [transient] }
    pool: { p: 1 }
  b: &b
    needs: { a: [failed, skipped] }
    when: "tasks.a.output.?x.orValue(0) > inputs.n"
    wait: { for: 1h }
  s:
    needs: [a]
    switch:
      - { when: inputs.n > 3, then: [c] }
      - else: d
  c:
    approve:
      by: x
      title: |
        hello
        \${{ inputs.s }}
  d: { workflow: other, inputs: { x: "\${{ tasks.a.output }}" } }
  e: { wait: 1s, title: 'it''s \\u00e4' }
outputs: { x: "\${{ tasks.a.status }}" }
`;

const PIECES = [
  ..."__proto__ constructor toString hasOwnProperty prototype ${{ }} }} &x *x !t { } [ ] # '".split(
    ' ',
  ),
  ...'tasks needs when switch each until NaN .inf 0x1F 1e999 ~ 🎼 " <<: >- | ? - :'.split(' '),
  ...'? |- |: |\n|\t|  |>-\n|%YAML 1.1\n|---\n|<<: *b|\0|\uFEFF|\r'.split('|'),
];

function check(source: string): boolean {
  const { definition, problems } = readWorkflow(source, { file: 'f' });
  for (const problem of problems) formatProblem(problem, source);
  const lines = source.split('\n').length;
  const placed = problems.every(
    ({ line = 0, column = 0 }) => line >= 1 && line <= lines + 1 && column >= 1,
  );
  return placed && (definition === null) === problems.length > 0 && !('polluted' in {});
}

it('reads the file that is mutated below', () => {
  expect(readWorkflow(VALID).problems).toEqual([]);
});

it('survives random text', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 300 });
});

it('survives random pieces of YAML', () => {
  const text = fc
    .array(fc.constantFrom(...PIECES), { maxLength: 40 })
    .map((parts) => parts.join(''));
  fc.assert(fc.property(text, check), { numRuns: 500 });
});

it('survives mutations of a valid file', () => {
  const mutation = fc.record({
    at: fc.nat(VALID.length),
    remove: fc.nat(12),
    insert: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 5 })),
  });
  const source = fc.array(mutation, { minLength: 1, maxLength: 4 }).map((mutations) => {
    let text = VALID;
    for (const { at, remove, insert } of mutations) {
      text = text.slice(0, at) + insert + text.slice(at + remove);
    }
    return text;
  });
  fc.assert(fc.property(source, check), { numRuns: 300 });
});

it('survives values that programs make', () => {
  const words =
    'workflow tasks inputs pools needs action wait switch when then each retry with a b __proto__ constructor valueOf';
  const key = fc.oneof(fc.constantFrom(...words.split(' ')), fc.string({ maxLength: 5 }));
  const leaf = fc.oneof(
    fc.constantFrom('a', 'b', '1s', 'a.b', '${{ tasks.a.output }}', 'tasks.b.x'),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .array(fc.tuple(key, tie('value')), { maxLength: 6 })
        .map((entries) => Object.fromEntries(entries)),
    ),
  }));
  const file = fc.record({ workflow: fc.constant('w'), tasks: fc.dictionary(key, value) });
  fc.assert(
    fc.property(fc.oneof(value, file), (given) => {
      const { definition, problems } = lowerWorkflow(given);
      return (definition === null) === problems.length > 0 && !('polluted' in {});
    }),
    { numRuns: 700 },
  );
});
