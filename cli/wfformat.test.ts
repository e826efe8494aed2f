import { describe, expect, it } from 'vitest';
import { CONNECTORS } from '../connectors/index.ts';
import { catalogueOf } from '../connectors/kit/index.ts';
import { readWorkflow } from '../model/read.ts';
import { TuttiError } from '../model/errors.ts';
import { importWfformat } from './wfformat.ts';

const instance = (tasks: object[], seconds: Record<string, number> = {}) =>
  JSON.stringify({
    name: '1000 genomes',
    workflow: {
      specification: { tasks },
      execution: {
        tasks: Object.entries(seconds).map(([id, runtimeInSeconds]) => ({ id, runtimeInSeconds })),
      },
    },
  });
const task = (id: string, parents: string[] = [], children: string[] = []) => ({
  id,
  name: id,
  parents,
  children,
});

function definitionOf(text: string, scale = 1) {
  const source = importWfformat(text, 'x.json', scale);
  const { definition, problems } = readWorkflow(source, { actions: catalogueOf(CONNECTORS) });
  expect(problems).toEqual([]);
  if (definition === null) throw new Error('no definition');
  const name = (at: number) => definition.tasks[at]?.name;
  const edges = definition.edges.map((edge) => `${name(edge.from)}>${name(edge.to)}`);
  return { definition, edges: edges.toSorted() };
}

describe('importWfformat', () => {
  it('keeps every edge, told from either end', () => {
    const text = instance([task('a', [], ['b']), task('b', ['a']), task('c', ['a', 'b'])]);
    expect(definitionOf(text).edges).toEqual(['a>b', 'a>c', 'b>c']);
  });

  it('sleeps the scaled run time and does nothing for 0', () => {
    const text = instance([task('a'), task('b')], { a: 12.5 });
    const bodies = definitionOf(text, 0.01).definition.tasks.map((one) => one.body);
    expect(bodies).toMatchObject([
      { action: 'shell.run', with: { command: 'sleep', args: ['0.125'] } },
      { action: 'tutti.noop' },
    ]);
    expect(importWfformat(text, 'x.json', 0)).not.toContain('sleep');
    expect(importWfformat(text, 'x.json', 1e-7)).not.toContain('e-');
  });

  it('gives names that are legal and unique', () => {
    const ids = ['a b', 'a/b', '7', 'true', '__proto__', 'constructor', 'NF.X_1', 'ü'];
    const { definition } = definitionOf(instance(ids.map((id) => task(id))));
    const names = definition.tasks.map((one) => one.name);
    expect(new Set(names).size).toBe(ids.length);
    expect(names[0]).toBe('a-b');
    expect(names[1]).toBe('a-b-2');
    expect(names).toContain('NF.X_1');
  });

  it.each([
    ['{', 'is not JSON'],
    ['{"name": "x", "workflow": {"specification": {"tasks": [{}]}}}', 'not a WfFormat'],
    [instance([task('a'), task('a')]), 'Two tasks'],
    [instance([task('a', ['b'])]), 'the task b'],
    [instance([task('a', [], ['b'])]), 'the task b'],
  ])('refuses %s', (text, words) => {
    expect(() => importWfformat(text, 'x.json', 1)).toThrow(TuttiError);
    expect(() => importWfformat(text, 'x.json', 1)).toThrow(words);
  });
});
