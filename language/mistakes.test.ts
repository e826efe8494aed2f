/** A file of many mistakes costs little more than one without: what is done for each is counted. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { ActionCatalogue, ActionDescription } from '../model/action.ts';
import type { Definition } from '../model/definition.ts';
import { HINTS_SOUGHT, MISTAKES_SHOWN } from '../model/mistakes.ts';
import type { checkInputs as CheckInputs } from './inputs.ts';
import type { poolIssues as PoolIssues } from './pool.ts';
import type { readWorkflow as ReadWorkflow } from './read.ts';

const SUGGESTION = '../model/suggestion.ts';
const searches = { count: 0 };
let checkInputs: typeof CheckInputs;
let poolIssues: typeof PoolIssues;
let readWorkflow: typeof ReadWorkflow;

// Tests of this room share their modules: those that are counted here are loaded for this file alone.
beforeAll(async () => {
  vi.resetModules();
  vi.doMock(import('../model/suggestion.ts'), async (load) => {
    const real = await load();
    const didYouMean: typeof real.didYouMean = (wrong, names) => {
      searches.count += 1;
      return real.didYouMean(wrong, names);
    };
    return { ...real, didYouMean };
  });
  ({ checkInputs } = await import('./inputs.ts'));
  ({ poolIssues } = await import('./pool.ts'));
  ({ readWorkflow } = await import('./read.ts'));
});
afterAll(() => {
  vi.doUnmock(SUGGESTION);
  vi.resetModules();
});
beforeEach(() => {
  searches.count = 0;
});

const noop: ActionDescription = {
  name: 'tutti.noop',
  title: 'Nothing',
  description: 'Does nothing',
  examples: [],
  input: z.strictObject({}),
  output: z.null(),
  system: 'none',
  waits: false,
};
const actions: ActionCatalogue = new Map([[noop.name, noop]]);
const COUNT = 1_200;

const KINDS: readonly (readonly [string, (at: number) => string])[] = [
  ['tasks in needs', (at) => `{ action: tutti.noop, needs: [q${at}] }`],
  ['actions', (at) => `{ action: nope${at}.x }`],
  ['both', (at) => `{ action: nope${at}.x, needs: [q${at}] }`],
  ['keys', (at) => `{ action: tutti.noop, nonsense${at}: 1 }`],
  ['keys of inputs', (at) => `{ action: tutti.noop, with: { x${at}: 1 } }`],
  ['branches', (at) => `{ switch: [{ when: "true", then: [q${at}] }, { else: z${at} }] }`],
  ['tasks in expressions', (at) => `{ action: tutti.noop, when: "tasks.q${at}.status == 'x'" }`],
  ['fields in expressions', (at) => `{ action: tutti.noop, when: "run.q${at} == 'x'" }`],
  ['words', (at) => `{ action: tutti.noop, join: al${at} }`],
];

describe('many unknown', () => {
  it.each(KINDS)('%s', (_what, taskAt) => {
    const tasks = Array.from({ length: COUNT }, (_, at) => `  t${at}: ${taskAt(at)}`);
    const { problems } = readWorkflow(`workflow: w\ntasks:\n${tasks.join('\n')}\n`, { actions });
    expect(problems).toHaveLength(MISTAKES_SHOWN + 1);
    expect(problems.some(({ message }) => /^there are \d+ more errors$/.test(message))).toBe(true);
    expect(searches.count).toBeGreaterThan(0);
    expect(searches.count).toBeLessThanOrEqual(HINTS_SOUGHT);
  });

  it('inputs of a run', () => {
    const names = (letter: string) =>
      Array.from({ length: COUNT }, (_, at) => [`${letter}${at}`, { type: 'string' }]);
    const inputs = Object.fromEntries(names('declared')) as Definition['inputs'];
    const { problems } = checkInputs({ inputs }, Object.fromEntries(names('zzzzz')));
    expect(problems).toHaveLength(MISTAKES_SHOWN + 1);
    expect(searches.count).toBe(HINTS_SOUGHT);
    expect(JSON.stringify(problems).length).toBeLessThan(200_000);
  });

  it('pools', () => {
    const tasks = Array.from({ length: COUNT }, (_, at) => {
      return `  t${at}: { action: tutti.noop, pool: p${at} }`;
    });
    const { definition } = readWorkflow(`workflow: w\ntasks:\n${tasks.join('\n')}\n`, { actions });
    expect(definition).not.toBeNull();
    if (definition === null) return;
    expect(poolIssues(definition, new Map())).toHaveLength(MISTAKES_SHOWN + 1);
    expect(searches.count).toBe(HINTS_SOUGHT);
  });
});

it('finds the earlier case that always holds, of however many', () => {
  const cases = (count: number, first: string) =>
    Array.from(
      { length: count },
      (_, at) => `{ when: "${at === 0 ? first : 'false'}", then: [b${at}] }`,
    );
  const file = (first: string) =>
    `workflow: w\ntasks:\n  a: { switch: [${cases(3, first).join(', ')}] }\n` +
    [0, 1, 2].map((at) => `  b${at}: { action: tutti.noop }\n`).join('');
  const said = (first: string) => readWorkflow(file(first)).problems.map(({ message }) => message);
  expect(said('${{ true }}')[0]).toContain('never');
  expect(said('true')).toEqual(said('${{ true }}'));
});

it('knows a systems file', () => {
  const { problems } = readWorkflow('ledger: { kind: sql, url: x }\nmail: { kind: http }\n');
  expect(problems).toHaveLength(1);
  expect(problems[0]?.hint).toContain('this looks like a systems file');
});

it('does not stumble over a condition of many blanks', () => {
  const when = `1 == 1 ${' '.repeat(5_000)} && true`;
  const source = `workflow: w\ntasks:\n  a: { switch: [{ when: "${when}", then: [b] }, { else: c }] }\n  b: { wait: 1s }\n  c: { wait: 1s }\n`;
  expect(readWorkflow(source).problems).toEqual([]);
});

it('draws no conclusions from a task whose kind cannot be told', () => {
  const source =
    'workflow: w\ntasks:\n  a: { title: nothing }\n  b: { wait: 1s, needs: { a: timed-out } }\n';
  const { problems } = readWorkflow(source);
  expect(problems.map(({ code, path }) => [code, path])).toEqual([['task.kind', 'tasks.a']]);
});

it('compares a key that is no text with no other', () => {
  const source = "workflow: w\ntasks:\n  ? [a]\n  : { wait: 1s }\n  '': { wait: 1s }\n";
  const { problems } = readWorkflow(source);
  expect(problems.map(({ code, line }) => [code, line])).toEqual([['yaml.key', 3]]);
});
