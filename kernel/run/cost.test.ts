import { describe, expect, it } from 'vitest';
import type { Definition, Edge, TaskDefinition } from '../../model/definition.ts';
import { BY, START } from './definition.fixture.ts';
import type { RunState } from './state.ts';
import { first, step } from './step.ts';
import { prepared } from './version.ts';

/** `start`, then `width` tasks after it, then `join` after all of them. */
function fan(width: number): Definition {
  const task = (name: string): TaskDefinition => ({
    name,
    body: { kind: 'action', action: 'test.work', with: {} },
    join: 'all',
  });
  const names = ['start', ...Array.from({ length: width }, (_, i) => `t${i}`), 'join'];
  const edges = names.slice(1, -1).flatMap((_, i): Edge[] => [
    { from: 0, to: i + 1, on: 'succeeded' },
    { from: i + 1, to: width + 1, on: 'succeeded' },
  ]);
  return { name: 'fan', inputs: {}, pools: {}, tasks: names.map(task), edges };
}

/** Counts what a step reads: every access to a node of the run. */
function counted(state: RunState): { reads: number } {
  const count = { reads: 0 };
  state.nodes = new Proxy(state.nodes, {
    get(nodes, key, self): unknown {
      if (typeof key === 'string' && /^\d+$/.test(key)) count.reads += 1;
      return Reflect.get(nodes, key, self) as unknown;
    },
  });
  return count;
}

describe('law 8: readiness is incremental', () => {
  it.each([10, 50_000])('finishing a task of a run %i wide looks at its edges only', (width) => {
    const version = prepared(fan(width));
    const context = { now: START, chance: () => 0, versions: () => version };
    const started = { type: 'RunStarted', at: START, workflow: 'fan', version: 1 } as const;
    const { state } = first('r1', { ...started, inputs: {}, by: BY }, context);
    const finish = (task: string) =>
      step(
        state,
        { type: 'CompleteTask', run: 'r1', task, attempt: 1, output: null, startedAt: START },
        context,
      );
    finish('start');
    expect(state.touched).toHaveLength(1 + 1 + width);
    state.touched = [];
    const count = counted(state);
    expect(finish('t3')).toHaveLength(1);
    expect(state.touched).toEqual([4]);
    // Itself and its one dependent, a few times each.
    expect(count.reads).toBeLessThan(20);
  });
});
