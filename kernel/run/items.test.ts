import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../model/json.ts';
import { define, type TaskSpec } from './definition.fixture.ts';
import { plan } from './plan.ts';
import { type Script, script } from './script.fixture.ts';
import { outputOf } from './scope.ts';

const EACH: TaskSpec = { each: ['x', 'y', 'z'], parallel: 2 };
const mapped = (spec: TaskSpec = EACH, inputs: JsonObject = {}): Script =>
  script(define({ m: spec, n: { needs: ['m'] }, h: { needs: { m: 'failed' } } }), inputs);
const unhandled = (spec: TaskSpec = EACH): Script =>
  script(define({ m: spec, n: { needs: ['m'] } }));

/** Where the items stand, without their mapped task's name. */
const items = (run: Script): string =>
  run.standing.replace(/ run:.*| [nh]:\w+/g, '').replaceAll(/m\[(\d)\]:/g, '$1:');

describe('a mapped task', () => {
  it.each<[string, TaskSpec, JsonObject, string[], string]>([
    ['lets in as many as its limit', EACH, {}, [], 'm:running 0:queued 1:queued 2:waiting'],
    ['the next when one ends', EACH, {}, ['m[1] ok'], 'm:running 0:queued 1:succeeded 2:queued'],
    [
      'ends with its items',
      EACH,
      {},
      ['m[0] ok', 'm[1] ok', 'm[2] ok'],
      'm:succeeded 0:succeeded 1:succeeded 2:succeeded',
    ],
    [
      'a failed item stops no other',
      EACH,
      {},
      ['m[0] fails'],
      'm:running 0:failed 1:queued 2:queued',
    ],
    [
      'fails when an item has failed',
      EACH,
      {},
      ['m[0] fails', 'm[1] ok', 'm[2] ok'],
      'm:failed 0:failed 1:succeeded 2:succeeded',
    ],
    [
      'an item that waits for its retry holds its place',
      { ...EACH, retry: {} },
      {},
      ['m[0] fails transient'],
      'm:running 0:retrying 1:queued 2:waiting',
    ],
    ['an empty list', { each: [] }, {}, [], 'm:succeeded'],
    [
      'a list from an expression',
      { each: 'inputs.list', parallel: 1 },
      { list: [1, 2] },
      [],
      'm:running 0:queued 1:waiting',
    ],
    ['no list', { each: 'inputs.list' }, { list: 7 }, [], 'm:failed'],
    ['a list that cannot be evaluated', { each: 'inputs.absent.deep' }, {}, [], 'm:failed'],
    ['not at all when its condition is false', { ...EACH, when: 'false' }, {}, [], 'm:skipped'],
    [
      'items that wait',
      { ...EACH, wait: 0 },
      {},
      [],
      'm:succeeded 0:succeeded 1:succeeded 2:succeeded',
    ],
    [
      'items that ask somebody',
      { ...EACH, approve: {} },
      {},
      ['approve m[0]'],
      'm:running 0:succeeded 1:deciding 2:deciding',
    ],
  ])('%s', (_, spec, inputs, steps, standing) => {
    expect(items(mapped(spec, inputs).given(...steps))).toBe(standing);
  });

  it('gives the list of what its items gave', () => {
    const run = mapped().given('m[0] ok 1', 'm[1] ok {"n":2}', 'm[2] fails');
    expect(outputOf(run.state, run.node('m'))).toEqual([1, { n: 2 }, null]);
  });

  it('an item sees itself and its place in the list', () => {
    const run = mapped({ each: [5, 6], warn: 'item == 6 && index == 1' });
    expect(items(run.given('m[0] ok', 'm[1] ok'))).toBe('m:succeeded 0:succeeded 1:warned');
  });

  it('refuses a list that is too long', () => {
    const run = mapped({ each: Array.from({ length: 100_001 }, () => 0) });
    expect(run.node('m').status).toMatchObject({ end: 'failed' });
    expect(run.node('m').status).toHaveProperty('failure.message', expect.stringMatching(/100000/));
  });

  it.each(['m[3]', 'm[-1]', 'm[01]', 'm[]', 'n[0]', 'm[0][0]'])('has no item "%s"', (ref) => {
    mapped().when(`skip ${ref}`).expectRefusal('task.unknown');
  });
});

describe('an operator and items', () => {
  const FAILED = ['m[0] fails', 'm[1] ok', 'm[2] ok'];

  it.each<[string, string[], string]>([
    ['skips one that waits', ['skip m[2]'], 'm:running 0:queued 1:queued 2:skipped'],
    [
      'skips one that is in: the next is let in',
      ['skip m[0]'],
      'm:running 0:skipped 1:queued 2:queued',
    ],
    ['forces one that waits', ['force m[2] failed'], 'm:running 0:queued 1:queued 2:failed'],
    [
      'forces one twice',
      ['force m[2] failed', 'force m[2] succeeded'],
      'm:running 0:queued 1:queued 2:succeeded',
    ],
    [
      'skips all',
      ['skip m[0]', 'skip m[1]', 'skip m[2]'],
      'm:succeeded 0:skipped 1:skipped 2:skipped',
    ],
    [
      'mends the one that failed',
      [...FAILED, 'force m[0] succeeded'],
      'm:succeeded 0:succeeded 1:succeeded 2:succeeded',
    ],
    [
      'skips the one that failed',
      [...FAILED, 'skip m[0]'],
      'm:succeeded 0:skipped 1:succeeded 2:succeeded',
    ],
    [
      'reruns the one that failed',
      [...FAILED, 'rerun m[0]'],
      'm:running 0:queued 1:succeeded 2:succeeded',
    ],
    [
      'reruns one that was fine',
      [...FAILED, 'rerun m[2]'],
      'm:running 0:failed 1:succeeded 2:queued',
    ],
    [
      'reruns one while all places are taken',
      ['m[0] ok', 'rerun m[0]'],
      'm:running 0:waiting 1:queued 2:queued',
    ],
    [
      'restarts from failure: siblings are kept',
      [...FAILED, 'restart'],
      'm:running 0:queued 1:succeeded 2:succeeded',
    ],
    [
      'restarts from an item',
      [...FAILED, 'restart m[1]'],
      'm:running 0:failed 1:queued 2:succeeded',
    ],
    [
      'restarts from two items, by the limit',
      [...FAILED, 'restart m[1] m[2] m[0]'],
      'm:running 0:queued 1:queued 2:waiting',
    ],
    ['restarts the whole', [...FAILED, 'restart m'], 'm:running 0:queued 1:queued 2:waiting'],
    [
      'restarts the whole though an item is named too',
      [...FAILED, 'restart m m[1]'],
      'm:running 0:queued 1:queued 2:waiting',
    ],
    ['holds one', ['hold m[0]', 'm[1] ok'], 'm:running 0:held 1:succeeded 2:queued'],
    [
      'forces the mapped task that failed',
      [...FAILED, 'force m succeeded'],
      'm:succeeded 0:failed 1:succeeded 2:succeeded',
    ],
    [
      'reruns an item after that',
      [...FAILED, 'force m succeeded', 'rerun m[0]'],
      'm:running 0:queued 1:succeeded 2:succeeded',
    ],
  ])('%s', (_, steps, standing) => {
    expect(items(unhandled().given(...steps))).toBe(standing);
  });

  it('a mended item lets what was blocked go on', () => {
    const run = unhandled().given(...FAILED);
    expect(run.standing).toContain('n:waiting');
    expect(run.standing).toContain('run:failed');
    run.when('rerun m[0]').expectEvents('m[0] rerun');
    run.when('m[0] ok').expectEvents('m[0] succeeded', 'm succeeded');
    expect(run.given('n ok').standing).toContain('run:succeeded');
  });

  it('an item rerun after its failure was handled ends its mapped task anew', () => {
    const run = mapped().given(...FAILED);
    expect(run.standing).toContain('n:skipped h:queued');
    run.given('rerun m[0]', 'm[0] ok');
    // What had started on the first end goes on: only who still waits sees the second.
    expect(run.standing).toContain('m:succeeded n:skipped h:queued');
    expect(run.given('h ok').standing).toContain('run:succeeded');
  });

  it('an item rerun that fails now fails a run that had succeeded', () => {
    const run = unhandled({ ...EACH, each: [1] }).given('m[0] ok', 'n ok');
    expect(run.standing).toContain('run:succeeded');
    run.given('rerun m[0]', 'm[0] fails');
    expect(run.standing).toBe('m:failed n:succeeded m[0]:failed run:failed');
  });

  it('a mapped task cannot be rerun, only its items, or the run from it', () => {
    unhandled()
      .given(...FAILED)
      .when('rerun m')
      .expectRefusal('task.wrong-status', /restart the run/);
  });

  it('nothing is due any more for items that a restart took away', () => {
    const run = script(define({ a: {}, m: { needs: ['a'], each: [1, 2] } })).given('a ok');
    expect(plan(run.state)).toMatchObject([{ task: 'm[0]' }, { task: 'm[1]' }]);
    run.when('restart a');
    expect(run.touched).toContain(3);
    expect(plan(run.state)).toMatchObject([{ task: 'a', attempt: 2 }]);
  });

  it('an item that runs is not restarted', () => {
    unhandled()
      .given('m[0] starts')
      .when('restart m[0]')
      .expectRefusal('restart.running', /m\[0\]/);
    unhandled().given('m[0] starts').when('restart m').expectRefusal('restart.running');
    unhandled().given('m[0] starts', 'm[1] fails').when('restart').expectEvents('restarted m[1] n');
  });
});

describe('cancelling and items', () => {
  const CANCELLED = ['m[0] starts', 'cancel', 'm[0] stopped'];

  it('items that have not started are cancelled at once, the others when confirmed', () => {
    const run = unhandled().given('m[0] starts', 'cancel');
    expect(items(run)).toBe('m:cancelled 0:running 1:cancelled 2:cancelled');
    run.when('m[0] ok').expectEvents('m[0] succeeded', 'run cancelled');
  });

  it('rerunning one item afterwards runs that one alone', () => {
    const run = unhandled({ ...EACH, parallel: 1 }).given(...CANCELLED, 'rerun m[1]');
    expect(items(run)).toBe('m:running 0:cancelled 1:queued 2:cancelled');
    run.when('m[1] ok').expectEvents('m[1] succeeded', 'm failed', 'run failed');
  });

  it('restarting afterwards runs every item that did not succeed', () => {
    const run = unhandled()
      .given('m[1] ok', ...CANCELLED)
      .when('restart');
    expect(run.last).toMatchObject([{ reset: ['m[0]', 'm[2]', 'n'] }]);
    expect(items(run)).toBe('m:running 0:queued 1:succeeded 2:queued');
    run.given('m[0] ok', 'm[2] ok', 'n ok');
    expect(run.standing).toContain('run:succeeded');
  });

  it('items keep their attempts apart through rerun, restart and a new expansion', () => {
    const run = unhandled({ each: [1] }).given('m[0] ok', 'rerun m[0]', 'm[0] ok', 'rerun m[0]');
    expect(run.node('m[0]').attempt).toBe(3);
    run.given('m[0] ok', 'restart m');
    expect(run.node('m[0]').attempt).toBe(4);
    run.when('m[0]#1 ok').expectRefusal('task.stale');
  });
});
