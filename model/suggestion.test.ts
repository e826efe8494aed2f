import { expect, it } from 'vitest';
import { didYouMean, nearest } from './suggestion.ts';

it.each([
  ['post-leger', ['update', 'post-ledger', 'post'], 'post-ledger'],
  ['Task', ['task', 'tasks'], 'task'],
  ['teh', ['the', 'tea'], 'the'],
  ['tutti.nop', ['tutti.noop', 'tutti.set'], 'tutti.noop'],
  ['approve', ['update', 'post'], undefined],
  ['x', ['y'], undefined],
  ['', ['y'], undefined],
])('finds the name that is near enough: %s', (wrong, names, found) => {
  expect(nearest(wrong, names)).toBe(found);
});

it('is silent about a name that nobody can have mistyped', () => {
  expect(didYouMean('x'.repeat(201), ['x'.repeat(200)])).toBeUndefined();
});

it.each([
  ['near ones', (at: number) => `name-${at % 10}`, 2_001],
  ['far ones', (at: number) => `of-quite-another-length-${at}`, 20_001],
])('looks at a bounded number of names: %s', (_what, nameAt, most) => {
  let lookedAt = 0;
  function* names() {
    for (let at = 0; at < 1_000_000; at += 1) {
      lookedAt += 1;
      yield nameAt(at);
    }
  }
  nearest('nbme-xy', names());
  expect(lookedAt).toBeLessThanOrEqual(most);
});
