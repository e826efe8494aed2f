/** Which lane the attempts of a task go to, and how wide it is. */
import { describe, expect, it } from 'vitest';
import type { Body, TaskDefinition } from '../../model/definition.ts';
import { CHILD_LANE, Lanes } from './lanes.ts';

const LANES = () =>
  new Lanes([{ name: 'http', concurrency: 7, actions: [{ name: 'http.wait', waits: true }] }]);

function task(body: Partial<Body>, pools?: Record<string, number>): TaskDefinition {
  return { name: 'a', body, ...(pools && { pools }) } as unknown as TaskDefinition;
}

describe('the limits of a task', () => {
  it.each([
    ['of an action are its connector’s', { kind: 'action', action: 'http.request' }, 'http'],
    [
      'of an action that only waits are its own',
      { kind: 'action', action: 'http.wait' },
      'http.wait',
    ],
    ['of a child run are those of all children', { kind: 'workflow' }, CHILD_LANE],
  ] as const)('%s', (_, body, lane) => {
    expect(LANES().limitsOf(task(body as Partial<Body>)).lane).toBe(lane);
  });

  it('are one object for all attempts of a version', () => {
    const lanes = LANES();
    const definition = task({ kind: 'action', action: 'http.request' }, { tape: 2 });
    expect(lanes.limitsOf(definition)).toBe(lanes.limitsOf(definition));
    expect(lanes.limitsOf(definition).pools).toEqual({ tape: 2 });
  });

  it('hold no slots while a child runs, which may want them, too', () => {
    const definition = task({ kind: 'workflow' }, { tape: 2 });
    expect(LANES().limitsOf(definition).pools).toBeUndefined();
  });

  it('are read by whoever watches', () => {
    const lanes = LANES();
    lanes.get('http').enter();
    const http = lanes.readings().find(({ lane }) => lane === 'http');
    expect(http).toEqual({ lane: 'http', active: 1, limit: 7, overdue: 0, queued: 0 });
    expect(lanes.get('of no connector').limit).toBe(1_000);
  });
});
