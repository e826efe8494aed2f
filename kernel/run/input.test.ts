import { expect, it } from 'vitest';
import type { Json, JsonObject } from '../../model/json.ts';
import { define, type TaskSpec } from './definition.fixture.ts';
import { inputOf } from './input.ts';
import { indexOf } from './nodes.ts';
import { script } from './script.fixture.ts';

const ATTEMPT = { key: 'r1:b:2', number: 2 };

function given(spec: TaskSpec, task = 'b', attempt?: typeof ATTEMPT) {
  const { state } = script(define({ a: {}, b: { needs: ['a'], ...spec } })).given(
    'a ok {"rows":7}',
  );
  return inputOf(state, indexOf(state, task) ?? -1, attempt);
}

it.each<[string, JsonObject, Json, boolean]>([
  ['a constant, as it stands', { n: 1, list: ['x'] }, { n: 1, list: ['x'] }, true],
  ['outputs of tasks before', { n: '${{ tasks.a.output.rows }}' }, { n: 7 }, false],
  ['the attempt', { k: '${{ attempt.key }}/${{ attempt.number }}' }, { k: 'r1:b:2/2' }, false],
])('gives an action %s', (_, source, value, constant) => {
  expect(given({ with: source }, 'b', ATTEMPT)).toEqual({ value, constant });
});

it('gives a child run its inputs', () => {
  const spec: TaskSpec = { workflow: 'child', with: { rows: '${{ tasks.a.output.rows }}' } };
  expect(given(spec)).toEqual({ value: { rows: 7 }, constant: false });
});

it('gives an item of a mapped task its item', () => {
  const spec: TaskSpec = { each: ['x', 'y'], with: { on: '${{ item }}', at: '${{ index }}' } };
  expect(given(spec, 'b[1]')).toEqual({ value: { on: 'y', at: 1 }, constant: false });
});

it('gives a task without an input none', () => {
  expect(given({ wait: 60_000 })).toEqual({ value: {}, constant: true });
});

it('fails the attempt, and throws nothing, when an expression cannot be evaluated', () => {
  expect(given({ with: { n: '${{ tasks.a.output.rows / 0 }}' } })).toMatchObject({
    class: 'rejected',
    code: 'expression.failed',
  });
});
