/** Pools: the document of one that is shared, and what a workflow may say of pools. */
import { z } from 'zod';
import { describe, expect, it } from 'vitest';
import type { ActionCatalogue } from '../model/action.ts';
import { bug } from '../model/errors.ts';
import { poolIssues } from './pool.ts';
import { poolName, type SharedPool } from '../model/pool.ts';
import { readWorkflow } from './read.ts';

const problemsOf = (source: string) => readWorkflow(source, { file: 'f.yaml' }).problems;
const definitionOf = (source: string) => readWorkflow(source).definition ?? bug('it has mistakes');

describe('a pool that is a document', () => {
  it('is read from YAML and from JSON', () => {
    const pool = { name: 'licence', slots: 2, owner: 'it' };
    const read = { definition: null, pool, problems: [] };
    expect(readWorkflow('pool: licence\nslots: 2\nowner: it\n')).toEqual(read);
    expect(readWorkflow('{"pool":"licence","slots":2,"owner":"it"}')).toEqual(read);
  });

  it.each([
    ['pool: licence', 1, 'missing'],
    ['pool: licence\nslots: 0', 2, 'whole number from 1'],
    ['pool: a/b\nslots: 1', 1, 'expected a name'],
    ['pool: licence\nslot: 1\nslots: 1', 2, 'slot'],
    ['pool: licence\nslots: 1\ntasks: {}', 3, 'tasks'],
  ])('%j has its mistake in line %i', (source, line, words) => {
    const [problem] = problemsOf(source);
    expect(problem).toMatchObject({ file: 'f.yaml', line });
    expect(`${problem?.message} ${problem?.hint}`).toContain(words);
    expect(readWorkflow(source).pool).toBeUndefined();
  });
});

describe('who waits takes no slot of those who work', () => {
  it('a task that runs a workflow', () => {
    const [problem] = problemsOf(
      'workflow: w\npools: { p: 1 }\ntasks:\n  call: { workflow: kid, pool: p }\n',
    );
    expect(problem).toMatchObject({ code: 'pool.waiting', line: 4, column: 26 });
    expect(problem?.message).toMatch(/"call" runs the workflow "kid".*"p"/);
  });

  it('an action that only waits', () => {
    const action = { title: '', description: '', input: z.object({}), output: z.unknown() };
    const common = { ...action, system: 'none', examples: [] } as const;
    const actions: ActionCatalogue = new Map([
      ['a.wait', { ...common, name: 'a.wait', waits: true }],
      ['a.work', { ...common, name: 'a.work' }],
    ]);
    const source = (name: string) =>
      `workflow: w\npools: { p: 1 }\ntasks:\n  t: { action: ${name}, pool: p }\n`;
    expect(readWorkflow(source('a.work'), { actions }).problems).toEqual([]);
    expect(readWorkflow(source('a.wait'), { actions }).problems).toMatchObject([
      { code: 'pool.waiting', line: 4 },
    ]);
  });

  it.each(['wait: 1s', 'approve: { by: me }'])('a task with %s', (body) => {
    const source = `workflow: w\npools: { p: 1 }\ntasks:\n  t: { ${body}, pool: p }\n`;
    expect(problemsOf(source)).toMatchObject([{ code: 'field.misplaced', line: 4 }]);
  });
});

describe('beside what is deployed', () => {
  const shared = (more: Partial<SharedPool> = {}) =>
    new Map([['licence', { slots: 2, sharedBy: [], isDocument: true, ...more }]]);
  const uses = (pool: string) =>
    definitionOf(`workflow: w\npools: { own: 1 }\ntasks:\n  t: { action: a.b, pool: ${pool} }\n`);

  it('a shared pool is used by its name, a private one before it', () => {
    expect(poolIssues(uses('licence'), shared())).toEqual([]);
    expect(poolIssues(uses('own'), shared())).toEqual([]);
    expect(
      poolIssues(uses('own'), new Map([['own', { slots: 1, sharedBy: ['x'], isDocument: true }]])),
    ).toEqual([]);
  });

  it('one that is not there, or has not so many slots, is told', () => {
    const [unknown] = poolIssues(uses('licens'), shared());
    expect(unknown).toMatchObject({ code: 'pool.unknown', hint: 'did you mean "licence"?' });
    const [greedy] = poolIssues(uses('{ licence: 3 }'), shared());
    expect(greedy?.message).toBe('wants 3 slots, but the pool "licence" has 2');
  });

  it.each([
    [false, 'deploy a file with "pool: licence" and "slots: 2"'],
    [true, 'the shared pool "licence" is deployed: remove it here'],
  ])('one that was shared by its name until now is told (document: %s)', (isDocument, hint) => {
    const declares = definitionOf(
      'workflow: w\npools: { licence: 1 }\ntasks: { t: { action: a.b } }',
    );
    const [issue] = poolIssues(declares, shared({ sharedBy: ['v', 'w'], isDocument }));
    expect(issue).toMatchObject({ code: 'pool.shared', path: ['pools', 'licence'] });
    expect(issue?.message).toContain('shared by v and w until now');
    expect(issue?.hint).toContain(hint);
    // Whoever never shared it has one of its own by that name.
    expect(poolIssues(declares, shared({ sharedBy: ['u', 'v'] }))).toEqual([]);
  });
});

it('has a name that people can read', () => {
  expect(poolName('ships/dock')).toBe('pool "dock" of workflow "ships"');
  expect(poolName('dock')).toBe('pool "dock"');
});
