import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../model/json.ts';
import { define, type TaskSpec } from './definition.fixture.ts';
import { script } from './script.fixture.ts';

type Tasks = Readonly<Record<string, TaskSpec>>;

/** How `a` ends, and by what means. */
const ENDINGS: Readonly<Record<string, readonly string[]>> = {
  succeeded: ['a ok'],
  warned: ['a ok {"warn":true}'],
  failed: ['a fails'],
  'timed-out': ['a fails timeout'],
  cancelled: ['a starts', 'a stopped'],
  skipped: [],
};

// What becomes of `b`, which needs `a` to end as the row says: goes, skipped, or blocked.
// needs:        succeeded  warned     failed     timed-out  cancelled  skipped
const NEEDS: readonly (readonly [string, ...string[]])[] = [
  ['succeeded', 'goes', 'goes', 'blocked', 'blocked', 'blocked', 'skipped'],
  ['warned', 'skipped', 'goes', 'blocked', 'blocked', 'blocked', 'skipped'],
  ['failed', 'skipped', 'skipped', 'goes', 'goes', 'blocked', 'skipped'],
  ['timed-out', 'skipped', 'skipped', 'blocked', 'goes', 'blocked', 'skipped'],
  ['cancelled', 'skipped', 'skipped', 'blocked', 'blocked', 'goes', 'skipped'],
  ['skipped', 'skipped', 'skipped', 'blocked', 'blocked', 'blocked', 'goes'],
  ['done', 'goes', 'goes', 'goes', 'goes', 'goes', 'skipped'],
];
const FATES: Readonly<Record<string, string>> = {
  goes: 'queued',
  skipped: 'skipped',
  blocked: 'waiting',
};

describe('an edge is taken by the end that it asks for', () => {
  const rows = NEEDS.flatMap(([on, ...fates]) =>
    Object.keys(ENDINGS).map((end, column) => [on, end, fates[column] ?? ''] as const),
  );
  it.each(rows)('needs { a: %s }, a ends %s: b is %s', (on, end, fate) => {
    const skipped = end === 'skipped' ? { when: 'inputs.never' } : {};
    const a: TaskSpec = { needs: ['z'], warn: 'output != null && output.warn', ...skipped };
    const b: TaskSpec = { needs: { a: on as 'done' } };
    const run = script(define({ z: {}, a, b }), { never: false }).given('z ok');
    run.given(...(ENDINGS[end] ?? []));
    expect(run.standing).toContain(` b:${FATES[fate]} `);
    // A failure that an edge takes is handled; any other fails the run.
    run.given(...(fate === 'goes' ? ['b ok'] : []));
    expect(run.state.end?.end).toBe(fate === 'blocked' ? 'failed' : 'succeeded');
  });
});

const CHAIN: Tasks = { a: {}, b: { needs: ['a'] }, c: { needs: ['b'] } };
const HANDLED: Tasks = { a: {}, b: { needs: ['a'] }, h: { needs: { a: 'failed' } } };
const JOIN: Tasks = { a: {}, b: {}, j: { needs: ['a', 'b'] } };
const ANY: Tasks = { a: {}, b: {}, j: { needs: ['a', 'b'], join: 'any' } };
const ROUTE: Tasks = {
  s: {
    switch: [
      ['inputs.n > 10', 'x'],
      ['inputs.n > 5', 'y'],
      ['else', 'z'],
    ],
  },
  x: {},
  y: {},
  z: {},
};
/** An expression of `x`, the fourth task, refers to `b`, the second. */
const IMPLIED = { from: 1, to: 3, on: 'succeeded', implied: true } as const;
const NO_ELSE: Tasks = { s: { switch: [['inputs.n > 10', 'x']] }, x: {}, after: { needs: ['x'] } };
const WHEN: Tasks = { a: {}, b: { needs: ['a'], when: 'inputs.n > 5' }, c: { needs: ['b'] } };

describe('the way of a run', () => {
  it.each<[string, Tasks, JsonObject, string[], string]>([
    [
      'one after the other',
      CHAIN,
      {},
      ['a ok', 'b ok'],
      'a:succeeded b:succeeded c:queued run:going',
    ],
    [
      'ends when all have ended',
      CHAIN,
      {},
      ['a ok', 'b ok', 'c ok'],
      'a:succeeded b:succeeded c:succeeded run:succeeded',
    ],
    [
      'a failure that nobody takes blocks',
      CHAIN,
      {},
      ['a fails'],
      'a:failed b:waiting c:waiting run:failed',
    ],
    [
      'a failure that an edge takes is handled',
      HANDLED,
      {},
      ['a fails', 'h ok'],
      'a:failed b:skipped h:succeeded run:succeeded',
    ],
    [
      'the handler is skipped otherwise',
      HANDLED,
      {},
      ['a ok', 'b ok'],
      'a:succeeded b:succeeded h:skipped run:succeeded',
    ],
    [
      'the rest goes on beside a failure',
      { a: {}, b: {}, c: { needs: ['b'] } },
      {},
      ['a fails', 'b ok', 'c ok'],
      'a:failed b:succeeded c:succeeded run:failed',
    ],
    [
      'skips cascade',
      { ...CHAIN, a: { when: 'false' } },
      {},
      [],
      'a:skipped b:skipped c:skipped run:succeeded',
    ],
    ['a join waits for all', JOIN, {}, ['a ok'], 'a:succeeded b:queued j:waiting run:going'],
    [
      'a join goes when all are closed and one is taken',
      { ...JOIN, b: { when: 'false' } },
      {},
      ['a ok'],
      'a:succeeded b:skipped j:queued run:going',
    ],
    [
      'join any goes at the first taken edge',
      ANY,
      {},
      ['b ok'],
      'a:queued b:succeeded j:queued run:going',
    ],
    [
      'join any goes once',
      ANY,
      {},
      ['b ok', 'j ok', 'a ok'],
      'a:succeeded b:succeeded j:succeeded run:succeeded',
    ],
    [
      'join any beside a failure',
      ANY,
      {},
      ['a fails', 'b ok', 'j ok'],
      'a:failed b:succeeded j:succeeded run:failed',
    ],
    [
      'join any with no edge taken is skipped',
      { ...ANY, a: { when: 'false' }, b: { when: 'false' } },
      {},
      [],
      'a:skipped b:skipped j:skipped run:succeeded',
    ],
    ['a true condition', WHEN, { n: 6 }, ['a ok'], 'a:succeeded b:queued c:waiting run:going'],
    [
      'a false condition',
      WHEN,
      { n: 5 },
      ['a ok'],
      'a:succeeded b:skipped c:skipped run:succeeded',
    ],
    [
      'a condition that cannot be evaluated',
      WHEN,
      {},
      ['a ok'],
      'a:succeeded b:failed c:waiting run:failed',
    ],
    [
      'the first branch that holds',
      ROUTE,
      { n: 11 },
      [],
      's:succeeded x:queued y:skipped z:skipped run:going',
    ],
    [
      'the second branch',
      ROUTE,
      { n: 6 },
      [],
      's:succeeded x:skipped y:queued z:skipped run:going',
    ],
    ['else', ROUTE, { n: 1 }, [], 's:succeeded x:skipped y:skipped z:queued run:going'],
    ['no branch holds', NO_ELSE, { n: 1 }, [], 's:succeeded x:skipped after:skipped run:succeeded'],
    [
      'a branch that cannot be evaluated',
      ROUTE,
      {},
      [],
      's:failed x:waiting y:waiting z:waiting run:failed',
    ],
    ['a run of no tasks', {}, {}, [], 'run:succeeded'],
    [
      'two edges between two tasks',
      { a: {}, b: { needs: { a: 'done' } } },
      {},
      ['a fails', 'b ok'],
      'a:failed b:succeeded run:succeeded',
    ],
  ])('%s', (_, tasks, inputs, steps, standing) => {
    expect(script(define(tasks), inputs).given(...steps).standing).toBe(standing);
  });

  it('records what a condition and a switch saw', () => {
    const run = script(define({ ...ROUTE, y: { when: 'inputs.n == 6' } }), { n: 6 });
    expect(run.events.slice(1)).toMatchObject([
      {
        type: 'TaskEnded',
        task: 's',
        branch: 1,
        values: { 'inputs.n > 10': false, 'inputs.n > 5': true },
      },
      { type: 'TaskSkipped', task: 'z', because: 'edges' },
      { type: 'TaskQueued', task: 'y', values: { 'inputs.n == 6': true } },
      { type: 'TaskSkipped', task: 'x', because: 'edges' },
    ]);
  });

  it('waits for what an expression refers to, and does not start by it', () => {
    const { edges, ...rest } = define({
      a: {},
      b: {},
      s: { needs: ['a'], switch: [['inputs.n > 10', 'x'], ['else']] },
      x: {},
    });
    const definition = { ...rest, edges: [...edges, IMPLIED] };
    const run = (n: number) => script(definition, { n }).given('a ok');
    expect(run(20).standing).toContain('x:waiting');
    expect(run(20).given('b ok').standing).toContain('x:queued');
    expect(run(5).given('b ok').standing).toContain('x:skipped');
  });

  it('gives its outputs when it ends well', () => {
    const outputs = { rows: '${{ tasks.a.output.rows }}', of: 'run ${{ run.id }}' };
    const run = script(define({ a: {} }, { outputs })).given('a ok {"rows":7}');
    expect(run.state.end).toMatchObject({ end: 'succeeded', output: { rows: 7, of: 'run r1' } });
  });

  it('gives null for what a skipped task would have given, and the rest', () => {
    const outputs = { rows: '${{ tasks.a.output.rows }}', of: 'run ${{ run.key }}' };
    const run = script(define({ a: { when: 'false' } }, { outputs }));
    expect(run.standing).toBe('a:skipped run:succeeded');
    expect(run.state.end).toMatchObject({ output: { rows: null, of: 'run ' } });
  });

  it('fails when its outputs cannot be rendered', () => {
    const outputs = { rows: '${{ tasks.a.output.rows }}' };
    const run = script(define({ a: {} }, { outputs })).given('a ok');
    expect(run.state.end).toMatchObject({ end: 'failed', failure: { code: 'expression.failed' } });
  });

  it('sees how tasks ended and what they gave', () => {
    const when = "tasks.a.status == 'warned' && tasks.a.output.n == 2";
    const run = script(define({ a: { warn: 'output.n > 1' }, b: { needs: ['a'], when } }));
    expect(run.given('a ok {"n":2}').standing).toBe('a:warned b:queued run:going');
  });
});
