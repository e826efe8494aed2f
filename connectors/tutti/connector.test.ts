import { tmpdir } from 'node:os';
import { conformance } from '../kit/conformance.ts';
import { catalogueOf } from '../kit/index.ts';
import { expect, test } from 'vitest';
import { tutti } from './connector.ts';

conformance(
  tutti,
  async () => ({
    config: {},
    directory: tmpdir(),
    stateDirectory: tmpdir(),
    fresh: async () => tutti,
    close: async () => {},
  }),
  {
    calls: [
      { action: 'tutti.noop', with: {}, output: {} },
      {
        action: 'tutti.set',
        with: { values: { a: 1, b: ['x', null], c: { d: true } } },
        output: { a: 1, b: ['x', null], c: { d: true } },
      },
    ],
    failures: [
      {
        title: 'a drill',
        action: 'tutti.fail',
        with: { class: 'transient', message: 'this is a drill' },
        class: 'transient',
        code: 'tutti.fail',
      },
      {
        title: 'a set of 300 kB',
        action: 'tutti.set',
        with: { values: { big: 'x'.repeat(300 * 1024) } },
        class: 'rejected',
        code: 'output.too-large',
      },
    ],
  },
);

test('the catalogue describes the actions and refuses two of one name', () => {
  expect([...catalogueOf([tutti]).keys()]).toEqual(['tutti.noop', 'tutti.set', 'tutti.fail']);
  expect(() => catalogueOf([tutti, tutti])).toThrow('two actions named tutti.noop');
});
