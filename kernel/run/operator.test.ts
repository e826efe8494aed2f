import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { define, type TaskSpec } from './definition.fixture.ts';
import { plan } from './plan.ts';
import { script } from './script.fixture.ts';

type Tasks = Readonly<Record<string, TaskSpec>>;

const CHAIN: Tasks = { a: {}, b: { needs: ['a'] }, c: { needs: ['b'] } };
const HANDLED: Tasks = { a: {}, b: { needs: ['a'] }, h: { needs: { a: 'failed' } } };
const ROUTE: Tasks = {
  u: {},
  s: {
    needs: ['u'],
    switch: [
      ['inputs.n > 5', 'x'],
      ['else', 'y'],
    ],
  },
  x: {},
  y: {},
};
const N = { n: 7 };

describe('a job', () => {
  it.each(['SkipTask', 'ForceTask'] as const)(
    'does not decide by %s what a person is asked',
    (type) => {
      const { state, context } = asking();
      const by = { actor: 'run r1', through: 'job' } as const;
      const command = { type, run: 'r1', task: 'p', by, as: 'succeeded' } as const;
      expect(decide(state, command, context)).toMatchObject({ code: 'auth.forbidden' });
    },
  );

  function asking() {
    const played = script(define({ p: { approve: {} } }));
    return { state: played.state, context: played.context() };
  }
});

describe('an operator', () => {
  it.each<[string, Tasks, string[], string]>([
    [
      'holds a task before its turn',
      CHAIN,
      ['hold b', 'a ok'],
      'a:succeeded b:held c:waiting run:going',
    ],
    [
      'releases it',
      CHAIN,
      ['hold b', 'a ok', 'release b', 'b ok'],
      'a:succeeded b:succeeded c:queued run:going',
    ],
    [
      'holds one that waits for its retry',
      { t: { retry: {} } },
      ['t fails transient', 'hold t', '+1000', 't wakes'],
      't:held run:going',
    ],
    [
      'holds a task that is skipped meanwhile',
      { a: { when: 'inputs.n > 9' }, b: { needs: ['a'] } },
      [],
      'a:skipped b:skipped run:succeeded',
    ],
    [
      'holds the run: nothing starts',
      CHAIN,
      ['hold', 'a ok'],
      'a:succeeded b:held c:waiting run:held',
    ],
    [
      'holds the run: what asks people waits',
      { a: {}, p: { needs: ['a'], approve: {} } },
      ['hold', 'a ok'],
      'a:succeeded p:held run:held',
    ],
    [
      'releases the run',
      { a: {}, p: { needs: ['a'], approve: {} } },
      ['hold', 'a ok', 'release'],
      'a:succeeded p:deciding run:going',
    ],
    [
      'releases the run, a task stays held',
      CHAIN,
      ['hold a', 'hold', 'release'],
      'a:held b:waiting c:waiting run:going',
    ],
    [
      'skips: dependents go on as if it had succeeded',
      CHAIN,
      ['skip a'],
      'a:skipped b:queued c:waiting run:going',
    ],
    ['skips before its turn', CHAIN, ['skip b'], 'a:queued b:skipped c:queued run:going'],
    [
      'skips what blocks a failed run',
      CHAIN,
      ['a fails', 'skip a'],
      'a:skipped b:queued c:waiting run:going',
    ],
    [
      'skips what is blocked',
      CHAIN,
      ['a fails', 'skip b', 'c ok'],
      'a:failed b:skipped c:succeeded run:failed',
    ],
    [
      'skips: an edge that asks for skipped is taken too',
      { a: {}, b: { needs: { a: 'skipped' } }, c: { needs: { a: 'failed' } } },
      ['skip a'],
      'a:skipped b:queued c:skipped run:going',
    ],
    ['forces success', CHAIN, ['force a succeeded'], 'a:succeeded b:queued c:waiting run:going'],
    [
      'forces success after a failure',
      CHAIN,
      ['a fails', 'force a succeeded'],
      'a:succeeded b:queued c:waiting run:going',
    ],
    ['forces a failure', CHAIN, ['force a failed'], 'a:failed b:waiting c:waiting run:failed'],
    [
      'forces a failure that is handled',
      HANDLED,
      ['force a failed'],
      'a:failed b:skipped h:queued run:going',
    ],
    [
      'forces an unknown outcome',
      CHAIN,
      ['a starts', 'a unknown', 'force a succeeded'],
      'a:succeeded b:queued c:waiting run:going',
    ],
    ['reruns a failure', CHAIN, ['a fails', 'rerun a'], 'a:queued b:waiting c:waiting run:going'],
    [
      'reruns a failure: what it blocked goes on',
      CHAIN,
      ['a fails', 'rerun a', 'a ok'],
      'a:succeeded b:queued c:waiting run:going',
    ],
    [
      'reruns a success: what has ended stays',
      CHAIN,
      ['a ok', 'b ok', 'c ok', 'rerun a', 'a ok'],
      'a:succeeded b:succeeded c:succeeded run:succeeded',
    ],
    [
      'reruns a success that fails now',
      CHAIN,
      ['a ok', 'b ok', 'c ok', 'rerun a', 'a fails'],
      'a:failed b:succeeded c:succeeded run:failed',
    ],
    [
      'reruns a handled failure',
      HANDLED,
      ['a fails', 'rerun a', 'a ok', 'h ok'],
      'a:succeeded b:skipped h:succeeded run:succeeded',
    ],
    [
      'reruns a skipped task',
      { a: { when: 'false' } },
      ['rerun a', 'a ok'],
      'a:succeeded run:succeeded',
    ],
    [
      'reruns an unknown outcome',
      CHAIN,
      ['a starts', 'a unknown', 'rerun a'],
      'a:queued b:waiting c:waiting run:going',
    ],
    [
      'reruns one that waits for its retry',
      { t: { retry: {} } },
      ['t fails transient', 'rerun t'],
      't:queued run:going',
    ],
    ['reruns an approval', { t: { approve: {} } }, ['reject t', 'rerun t'], 't:deciding run:going'],
  ])('%s', (_, tasks, steps, standing) => {
    expect(script(define(tasks), N).given(...steps).standing).toBe(standing);
  });

  it('a rerun closes the door again for who still waits behind it', () => {
    const run = script(define({ a: {}, b: {}, j: { needs: ['a', 'b'] } })).given('a ok', 'rerun a');
    expect(run.given('b ok').standing).toBe('a:queued b:succeeded j:waiting run:going');
    expect(run.given('a fails').standing).toBe('a:failed b:succeeded j:waiting run:failed');
    expect(run.given('rerun a', 'a ok').standing).toContain('j:queued');
  });

  it('a handled failure that is forced well no longer leads to its handler', () => {
    const run = script(define({ a: {}, z: {}, h: { needs: { a: 'failed', z: 'failed' } } }));
    run.given('a fails', 'force a succeeded').when('z ok');
    run.expectEvents('z succeeded', 'h skipped by edges', 'run succeeded');
  });

  it('a rerun keeps keys apart and starts the count of failures afresh', () => {
    const run = script(define({ t: { retry: { attempts: 2 } } }));
    run.given('t fails transient', '+1000', 't wakes', 't fails transient');
    expect(run.standing).toBe('t:failed run:failed');
    run.given('rerun t').when('t fails transient').expectEvents('t again at +2000');
    expect(run.node('t').attempt).toBe(3);
  });

  it('a forced end bears the mark of who did it', () => {
    const run = script(define(CHAIN));
    const by = { actor: 'ann', reason: 'done by hand' };
    run.do({ type: 'ForceTask', run: 'r1', task: 'a', as: 'failed', by });
    const failure = { code: 'task.forced', message: 'ann declared it failed: done by hand' };
    expect(run.node('a').status).toMatchObject({ forced: by, failure });
  });

  it('a hold takes what is due away, a release gives it back', () => {
    const run = script(define({ a: {}, b: {} })).given('hold a');
    expect(plan(run.state)).toMatchObject([{ kind: 'dispatch', task: 'b' }]);
    run.given('hold');
    expect(plan(run.state)).toEqual([]);
    run.given('release', 'release a');
    expect(plan(run.state)).toMatchObject([{ task: 'a' }, { task: 'b' }]);
  });

  it.each(['hold', 'release', 'cancel'])('"%s" of a run that has ended is refused', (verb) => {
    script(define({ a: {} }))
      .given('a ok')
      .when(verb)
      .expectRefusal('run.wrong-status', /it has ended \(succeeded\)/);
  });

  it('holding twice and releasing what is not held change nothing', () => {
    const run = script(define({ a: {} }))
      .when('release')
      .expectEvents();
    run.given('hold').when('hold').expectEvents();
    run.given('hold a').when('hold a').expectEvents();
  });
});

describe('steering', () => {
  it.each<[string, string[], string]>([
    [
      'before its turn: the choice is kept',
      ['steer s y', 'u ok'],
      'u:succeeded s:succeeded x:skipped y:queued run:going',
    ],
    [
      'the last choice counts',
      ['steer s y', 'steer s x', 'u ok'],
      'u:succeeded s:succeeded x:queued y:skipped run:going',
    ],
    [
      'then holding',
      ['steer s y', 'hold s', 'u ok'],
      'u:succeeded s:held x:waiting y:waiting run:going',
    ],
    [
      'while held',
      ['hold s', 'u ok', 'steer s y'],
      'u:succeeded s:held x:waiting y:waiting run:going',
    ],
    [
      'while held, then releasing',
      ['hold s', 'u ok', 'steer s y', 'release s'],
      'u:succeeded s:succeeded x:skipped y:queued run:going',
    ],
    [
      'afterwards: goes on from the switch',
      ['u ok', 'steer s y'],
      'u:succeeded s:succeeded x:skipped y:queued run:going',
    ],
    [
      'after the end of the run',
      ['u ok', 'x ok', 'steer s y'],
      'u:succeeded s:succeeded x:skipped y:queued run:going',
    ],
    [
      'to the branch it took',
      ['u ok', 'x ok', 'steer s x'],
      'u:succeeded s:succeeded x:queued y:skipped run:going',
    ],
    [
      'a switch that failed',
      ['force s failed', 'u ok', 'steer s y'],
      'u:succeeded s:succeeded x:skipped y:queued run:going',
    ],
  ])('%s', (_, steps, standing) => {
    expect(script(define(ROUTE), N).given(...steps).standing).toBe(standing);
  });

  it('is a mark on the end of the switch', () => {
    const run = script(define(ROUTE), N).given('steer s y', 'u ok');
    expect(run.node('s').status).toMatchObject({ branch: 1, forced: { actor: 'operator' } });
  });

  it('is refused while something after the switch runs', () => {
    const run = script(define(ROUTE), N).given('u ok', 'x starts');
    run.when('steer s y').expectRefusal('restart.running', /"x" after the switch is still running/);
  });

  it('a restart forgets it', () => {
    const run = script(define(ROUTE), N).given('steer s y', 'u ok', 'y ok', 'restart s');
    expect(run.standing).toBe('u:succeeded s:succeeded x:queued y:skipped run:going');
  });
});

describe('law 10: cancelling has two phases', () => {
  const TWO: Tasks = { a: {}, b: {}, c: { needs: ['a'] } };

  it('requested: what runs is asked to stop, everything else is cancelled at once', () => {
    const run = script(define(TWO))
      .given('a starts')
      .when('cancel')
      .expectEvents('run cancelrequested');
    expect(run.standing).toBe('a:running b:cancelled c:cancelled run:cancelling');
    expect(plan(run.state)).toMatchObject([{ kind: 'follow', task: 'a', cancel: true }]);
  });

  it.each<[string, string, string]>([
    ['confirmed by the system', 'a stopped', 'a:cancelled b:cancelled c:cancelled run:cancelled'],
    [
      'a job that ends first keeps its real result',
      'a ok',
      'a:succeeded b:cancelled c:cancelled run:cancelled',
    ],
    ['and so does a failure', 'a fails', 'a:failed b:cancelled c:cancelled run:cancelled'],
  ])('%s', (_, words, standing) => {
    expect(script(define(TWO)).given('a starts', 'cancel', words).standing).toBe(standing);
  });

  it('is over at once when nothing runs', () => {
    const run = script(define(TWO))
      .when('cancel')
      .expectEvents('run cancelrequested', 'run cancelled');
    expect(plan(run.state)).toEqual([]);
  });

  it('a failure is not retried meanwhile', () => {
    const run = script(define({ t: { retry: {} } })).given('t starts', 'cancel');
    run.when('t fails transient').expectEvents('t failed', 'run cancelled');
  });

  it('nothing follows an end meanwhile', () => {
    const run = script(define({ a: {}, b: { needs: { a: 'done' } } })).given('a starts', 'cancel');
    run.when('a ok').expectEvents('a succeeded', 'run cancelled');
  });

  it('what it ends leads nowhere, not even along an edge that asks for cancelled', () => {
    const run = script(define({ a: {}, b: { needs: { a: 'cancelled' } } })).given('cancel');
    expect(run.standing).toBe('a:cancelled b:cancelled run:cancelled');
    expect(run.node('b').attempt).toBe(0);
  });

  it('waits and approvals are over at once', () => {
    const run = script(define({ w: { wait: 9_000 }, p: { approve: {} } })).given('cancel');
    expect(run.standing).toBe('w:cancelled p:cancelled run:cancelled');
  });

  it.each([
    ['cancel', 'run'],
    ['hold', 'run'],
    ['release', 'run'],
    ['rerun b', 'run'],
    ['restart', 'run'],
    ['restart b', 'run'],
    ['hold a', 'task'],
    ['skip b', 'run'],
  ])('"%s" is refused meanwhile, because of the %s', (words, what) => {
    const run = script(define(TWO)).given('a starts', 'cancel').when(words);
    run.expectRefusal(`${what}.wrong-status`);
  });

  it.each(['skip a', 'force a succeeded', 'hold a'])('"%s" is refused afterwards', (words) => {
    const run = script(define(TWO)).given('a starts', 'cancel', 'a stopped').when(words);
    expect(run.last).toHaveProperty('refused');
  });

  it('a person may run a task of a cancelled run again', () => {
    const run = script(define(TWO)).given('cancel', 'rerun b', 'b ok');
    expect(run.standing).toBe('a:cancelled b:succeeded c:cancelled run:failed');
  });
});
