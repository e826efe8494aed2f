import { describe, expect, it } from 'vitest';
import type { Json } from '../../model/json.ts';
import { define, type TaskSpec } from './definition.fixture.ts';
import { NO_OVERLAY } from './gates.ts';
import { script } from './script.fixture.ts';
import { viewOf } from './view.ts';

type Tasks = Readonly<Record<string, TaskSpec>>;

/** What is said of the task `z` after these steps. */
function said(tasks: Tasks, steps: readonly string[], inputs: Record<string, Json> = {}) {
  const { state } = script(define(tasks), inputs).given(...steps);
  const view = viewOf(state, NO_OVERLAY).taskViews.find(({ task }) => task === 'z');
  return view?.skipReason;
}

describe('a task that was skipped says why', () => {
  it.each<[string, Tasks, readonly string[], string]>([
    [
      'after a success',
      { ship: {}, z: { needs: { ship: 'failed' } } },
      ['ship ok'],
      '"ship" succeeded, and this task runs only if it fails',
    ],
    [
      'after a failure with another way out',
      { ship: {}, y: { needs: { ship: 'failed' } }, z: { needs: ['ship'] } },
      ['ship fails'],
      '"ship" failed, and this task runs only if it succeeds',
    ],
    [
      'after several sources',
      { a: {}, b: {}, z: { needs: { a: 'timed-out', b: 'cancelled' } } },
      ['a ok', 'b ok'],
      'it runs only if "a" times out or "b" is cancelled',
    ],
    [
      'by a condition',
      { a: {}, z: { needs: ['a'], when: 'inputs.n > 10' } },
      ['a ok'],
      'its condition `inputs.n > 10` is false',
    ],
    [
      'beside a switch',
      {
        s: {
          switch: [
            ['inputs.n > 10', 'z'],
            ['else', 'y'],
          ],
        },
        y: {},
        z: {},
      },
      [],
      '"s" chose another branch',
    ],
    [
      'behind a task that was skipped',
      {
        s: {
          switch: [
            ['inputs.n > 10', 'x'],
            ['else', 'y'],
          ],
        },
        x: {},
        y: {},
        z: { needs: ['x'] },
      },
      [],
      '"x" was skipped, and this task runs only if it succeeds',
    ],
    [
      'behind many',
      {
        a: {},
        b: {},
        c: {},
        d: {},
        z: { needs: { a: 'failed', b: 'failed', c: 'failed', d: 'failed' } },
      },
      ['a ok', 'b ok', 'c ok', 'd ok'],
      'it runs only if "a" fails or "b" fails or "c" fails or 1 more',
    ],
  ])('%s', (_way, tasks, steps, sentence) => {
    expect(said(tasks, steps, { n: 1 })).toBe(sentence);
  });

  it('and one that ran says nothing', () => {
    expect(said({ a: {}, z: { needs: ['a'] } }, ['a ok', 'z ok'])).toBeUndefined();
  });
});
