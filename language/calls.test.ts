/** Workflows that run each other: what comes back to itself, and in which order they are deployed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calledFirst, recursionOf } from './calls.ts';
import type { Definition } from '../model/definition.ts';
import { bug } from '../model/errors.ts';
import { lowerWorkflow, readWorkflow } from './read.ts';

type Calls = Readonly<Record<string, readonly string[]>>;

function workflow(name: string, calls: readonly string[]): Definition {
  const tasks = Object.fromEntries([
    ['own', { action: 'tutti.noop' }],
    ...calls.map((called) => [`to-${called}`, { workflow: called }] as const),
  ]);
  return lowerWorkflow({ workflow: name, tasks }).definition ?? bug('it has mistakes');
}

function house(calls: Calls): ReadonlyMap<string, Definition> {
  return new Map(Object.entries(calls).map(([name, called]) => [name, workflow(name, called)]));
}

const find = (all: ReadonlyMap<string, Definition>) => (name: string) => all.get(name);

describe('a workflow that runs itself', () => {
  it('is refused by the reader, at the place where it does', () => {
    const source =
      'workflow: again\ntasks:\n  a: { action: tutti.noop }\n  b: { workflow: again }\n';
    const { definition, problems } = readWorkflow(source, { file: 'again.yaml' });
    expect(definition).toBeNull();
    expect(problems).toEqual([
      expect.objectContaining({
        code: 'workflow.recursive',
        message: 'the workflow calls itself without end: again → again',
        file: 'again.yaml',
        line: 4,
        column: 18,
      }),
    ]);
  });

  it('is found through others, at the task that leads there, with the whole way', async () => {
    const all = house({ a: ['x', 'b'], b: ['c'], c: ['x', 'a'], x: [] });
    for (const [name, next] of [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ] as const) {
      const issue = await recursionOf(all.get(name) ?? bug(name), find(all));
      expect(issue?.code).toBe('workflow.recursive');
      expect(issue?.path).toEqual(['tasks', `to-${next}`, 'workflow']);
      expect(issue?.message).toMatch(new RegExp(`: ${name} → . → . → ${name}$`));
    }
    expect(await recursionOf(all.get('x') ?? bug('x'), find(all))).toBeUndefined();
  });

  it('is not found in what only calls a recursion of others, nor in what is not there', async () => {
    const all = house({ a: ['b', 'nowhere'], b: ['c'], c: ['b'] });
    expect(await recursionOf(all.get('a') ?? bug('a'), find(all))).toBeUndefined();
  });
});

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Whoever stands later in a shuffled list may run whoever stands before. */
const acyclic = fc
  .tuple(
    fc.shuffledSubarray(NAMES, { minLength: NAMES.length }),
    fc.array(fc.tuple(fc.nat(5), fc.nat(5))),
  )
  .map(([order, pairs]) => {
    const calls: Record<string, string[]> = Object.fromEntries(NAMES.map((name) => [name, []]));
    for (const [from, to] of pairs) {
      const [caller, called] = [order[Math.max(from, to)], order[Math.min(from, to)]];
      if (caller === undefined || called === undefined || caller === called) continue;
      if (calls[caller]?.includes(called) === false) calls[caller]?.push(called);
    }
    return calls;
  });

describe('several files that are deployed one after the other', () => {
  it('stand in an order in which no new one meets an old one in a circle', async () => {
    await fc.assert(
      fc.asyncProperty(acyclic, acyclic, async (before, after) => {
        const deployed = new Map(house(before));
        for (const definition of calledFirst([...house(after).values()])) {
          deployed.set(definition.name, definition);
          expect(await recursionOf(definition, find(deployed))).toBeUndefined();
        }
        expect(deployed.size).toBe(NAMES.length);
      }),
    );
  });

  it('are all there, each once, also when they run each other', () => {
    const all = [...house({ a: ['b'], b: ['a'], c: ['a', 'a2'] }).values()];
    const names = calledFirst(all).map(({ name }) => name);
    expect(names.toSorted()).toEqual(['a', 'b', 'c']);
    expect(names.indexOf('c')).toBe(2);
  });
});
