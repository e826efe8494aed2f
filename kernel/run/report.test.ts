import { describe, expect, it } from 'vitest';
import { define, START, type TaskSpec } from './definition.fixture.ts';
import { plan } from './plan.ts';
import { script } from './script.fixture.ts';
import { retryDelayMs } from './retry.ts';

const alone = (spec: TaskSpec, timeoutMs?: number) =>
  script(define({ t: spec }, timeoutMs === undefined ? {} : { timeoutMs }));
const RETRY = { attempts: 3, delayMs: 1_000, backoff: 2, maxDelayMs: 1_500, jitter: 0.5 };

describe('retry', () => {
  it.each<[string, number, Parameters<typeof retryDelayMs>[2], number, number, number | null]>([
    // failures so far, class, chance, retry-after → delay
    ['the first delay', 1, 'transient', 0, 0, 1_000],
    ['grows by the backoff, up to the most', 2, 'transient', 0, 0, 1_500],
    ['is over after the last attempt', 3, 'transient', 0, 0, null],
    ['chance takes its share', 1, 'transient', 0.5, 0, 750],
    ['the system may ask for longer', 1, 'transient', 0, 1_200, 1_200],
    ['not for less', 1, 'transient', 0, 10, 1_000],
    ['not for longer than the delay may grow', 1, 'transient', 0, Infinity, 1_500],
    ['a class that is not named', 1, 'failed', 0, 0, null],
    ['a rejection is never retried', 1, 'rejected', 0, 0, null],
    ['an unknown outcome is never retried', 1, 'unknown', 0, 0, null],
  ])('%s', (_, failures, kind, chance, after, delay) => {
    const on = ['transient', 'rejected', 'unknown'] as const;
    expect(retryDelayMs({ ...RETRY, on }, failures, kind, chance, after)).toBe(delay);
  });

  it('stays a number after a thousand failures without a delay', () => {
    const retry = { ...RETRY, attempts: 9_999, delayMs: 0, on: ['transient'] as const };
    expect(retryDelayMs(retry, 5_000, 'transient', 0)).toBe(0);
  });

  it('tries again until the attempts are used up', () => {
    const run = alone({ retry: {} });
    run.when('t fails transient').expectEvents('t again at +1000');
    run.when('t wakes').expectRefusal('task.stale', /nothing is due/);
    run.given('+1000').when('t wakes').expectEvents('t woken');
    run.when('t fails transient').expectEvents('t again at +3000');
    run.given('+2000', 't wakes').when('t fails transient').expectEvents('t failed', 'run failed');
  });

  it('law 12: the share of chance is an argument', () => {
    const run = alone({ retry: { jitter: 1 } });
    run.chance = 0.75;
    run.when('t fails transient').expectEvents('t again at +250');
  });

  it('waits as long as the system asks', () => {
    alone({ retry: {} }).when('t fails transient 7000').expectEvents('t again at +7000');
  });

  it('does not retry another class', () => {
    alone({ retry: {} }).when('t fails rejected').expectEvents('t failed', 'run failed');
  });

  it('skipped while it waits for its retry, the run goes on', () => {
    const run = script(define({ t: { retry: {} }, u: { needs: ['t'] } })).given(
      't fails transient',
    );
    run.when('skip t').expectEvents('t skipped by operator');
    expect(run.standing).toBe('t:skipped u:queued run:going');
  });
});

describe('until', () => {
  const until = { holds: 'output.done', everyMs: 500, attempts: 2 };

  it('asks again until it holds', () => {
    const run = alone({ until }).when('t ok {"done":false}').expectEvents('t again at +500');
    run
      .given('+500', 't wakes')
      .when('t ok {"done":true}')
      .expectEvents('t succeeded', 'run succeeded');
  });

  it('fails when it never holds', () => {
    const run = alone({ until }).given('t ok {"done":false}', '+500', 't wakes');
    run.when('t ok {"done":false}').expectEvents('t failed', 'run failed');
    expect(run.node('t').status).toMatchObject({ failure: { code: 'until.exhausted' } });
  });

  it('a round that fails is retried and does not use up a round', () => {
    const run = alone({ until, retry: { attempts: 2 } }).given('t ok {"done":false}', '+500');
    run.given('t wakes', 't fails transient', '+1000', 't wakes');
    run.when('t ok {"done":false}').expectEvents('t failed', 'run failed');
  });

  it('a round begins the count of failures afresh', () => {
    const run = alone({ until: { ...until, attempts: 9 }, retry: { attempts: 2 } });
    run.given('t fails transient', '+1000', 't wakes', 't ok {"done":false}', '+500', 't wakes');
    run.when('t fails transient').expectEvents('t again at +2500');
  });

  it('law 10: does not ask again in a run that is being cancelled', () => {
    const run = alone({ until }).given('t starts', 'cancel');
    run.when('t ok {"done":false}').expectEvents('t cancelled', 'run cancelled');
  });

  it('fails when its condition cannot be evaluated', () => {
    alone({ until }).when('t ok').expectEvents('t failed', 'run failed');
  });
});

describe('timeout', () => {
  it('of a task: asked to stop, confirmed, timed out', () => {
    const run = alone({ timeoutMs: 5_000 }).given('t starts', '+4999');
    run.when('t wakes').expectRefusal('task.stale');
    run.given('+1').when('t wakes').expectEvents('t to stop because of timeout');
    expect(plan(run.state)).toMatchObject([{ kind: 'follow', cancel: true }]);
    run.when('t wakes').expectRefusal('task.stale');
    run.when('t stopped').expectEvents('t timed-out', 'run failed');
  });

  it('of a task: retried where the class is named', () => {
    const run = alone({ timeoutMs: 5_000, retry: {} }).given('t starts', '+5000', 't wakes');
    run.when('t stopped').expectEvents('t again at +6000');
  });

  it('of a task: a job that ends first keeps its real result', () => {
    const run = alone({ timeoutMs: 5_000 }).given('t starts', '+5000', 't wakes');
    run.when('t ok').expectEvents('t succeeded', 'run succeeded');
  });

  it('of a task whose outcome is unknown', () => {
    const run = alone({ timeoutMs: 5_000 }).given('t starts', 't unknown', '+5000', 't wakes');
    expect(run.standing).toBe('t:unknown run:going');
    run.given('t resolved').when('t stopped').expectEvents('t timed-out', 'run failed');
  });

  it('of a run: everything is cancelled, and the run timed out', () => {
    const run = alone({}, 9_000).given('t starts', '+8999');
    run.when('run wakes').expectRefusal('task.stale');
    run.given('+1').when('run wakes').expectEvents('run cancelrequested');
    run.when('t stopped').expectEvents('t cancelled', 'run timed-out');
    run.when('run wakes').expectRefusal('task.stale');
  });

  it.each(['rerun t', 'restart t'])('of a run: begins again with "%s"', (again) => {
    const run = alone({}, 9_000).given('t starts', '+9000', 'run wakes', 't stopped', again);
    run.when('run wakes').expectRefusal('task.stale');
    expect(plan(run.state)).toContainEqual(
      expect.objectContaining({ of: 'run', at: START + 18_000 }),
    );
  });

  it.each(['skip t', 'force t succeeded'])('of a run: begins again with "%s"', (mend) => {
    const run = script(define({ t: {}, u: { needs: ['t'] } }, { timeoutMs: 9_000 }));
    run.given('t fails', '+9000', mend).when('run wakes').expectRefusal('task.stale');
    run.when('u ok').expectEvents('u succeeded', 'run succeeded');
  });
});

describe('wait', () => {
  it.each<[string, TaskSpec, number]>([
    ['a duration', { wait: 5_000 }, 5_000],
    ['a time', { wait: '2026-03-01T00:00:05Z' }, 5_000],
    ['an expression', { wait: '${{ inputs.until }}' }, 5_000],
    ['a number', { wait: `\${{ ${START} + 5000 }}` }, 5_000],
  ])('%s', (_, spec, ms) => {
    const run = script(define({ t: spec }), { until: '2026-03-01T00:00:05Z' });
    expect(plan(run.state)).toMatchObject([{ kind: 'timer', at: START + ms }]);
    run.when('t wakes').expectRefusal('task.stale');
    run.given(`+${ms}`).when('t wakes').expectEvents('t succeeded', 'run succeeded');
  });

  it.each(['2020-01-01T00:00:00Z', '${{ 0 }}'])('is over at once when %s is past', (wait) => {
    expect(alone({ wait }).standing).toBe('t:succeeded run:succeeded');
  });

  it.each([
    'tomorrow',
    '${{ 1e300 }}',
    '${{ inputs.absent.deep }}',
    '${{ "2026-03-01T00:00:05" }}',
    '${{ "2026-02-30T00:00:05Z" }}',
    '${{ "2026-03-01" }}',
  ])('fails at %s', (wait) => {
    expect(alone({ wait }).standing).toBe('t:failed run:failed');
  });
});

describe('approval', () => {
  const approve = { expiresMs: 4_000 };

  it.each<[string, TaskSpec, string[], string[]]>([
    ['approved', { approve }, ['approve t'], ['t succeeded', 'run succeeded']],
    ['rejected', { approve }, ['reject t'], ['t failed', 'run failed']],
    ['expired into a rejection', { approve }, ['+4000', 't wakes'], ['t failed', 'run failed']],
    [
      'expired into an approval',
      { approve: { ...approve, onExpiry: 'approve' } },
      ['+4000', 't wakes'],
      ['t succeeded', 'run succeeded'],
    ],
  ])('%s', (_, spec, steps, events) => {
    alone(spec)
      .given(...steps)
      .expectEvents(...events);
  });

  it('does not expire before its time, nor without one', () => {
    alone({ approve }).given('+3999').when('t wakes').expectRefusal('task.stale');
    alone({ approve: {} }).given('+999999').when('t wakes').expectRefusal('task.stale');
  });

  it('records who decided, and why', () => {
    const run = alone({ approve: {} });
    const by = { actor: 'ann', reason: 'too dear' };
    run.do({ type: 'DecideApproval', run: 'r1', task: 't', decision: 'reject', by });
    expect(run.node('t').status).toMatchObject({
      output: { decision: 'rejected', by: 'ann', reason: 'too dear' },
      failure: { class: 'rejected', message: 'rejected by ann: too dear' },
    });
  });

  it('is decided only by those it names', () => {
    const run = alone({ approve: {} });
    const command = { type: 'DecideApproval', run: 'r1', task: 't', decision: 'approve' } as const;
    run.do({ ...command, by: { actor: 'mallory' } });
    run.expectRefusal('approval.not-allowed');
    expect(run.node('t').status.name).toBe('deciding');
  });

  it('cannot be decided twice', () => {
    alone({ approve: {} }).given('approve t').when('reject t').expectRefusal('task.wrong-status');
  });
});

describe('an attempt whose outcome is unknown', () => {
  it('is found again, with its job', () => {
    const run = alone({})
      .given('t starts', 't submits')
      .when('t unknown')
      .expectEvents('t unknown');
    expect(plan(run.state)).toMatchObject([{ kind: 'follow', unknown: true, job: 'job-1' }]);
    run.when('t unknown').expectEvents();
    run.when('t resolved').expectEvents('t resolved');
    expect(plan(run.state)).toMatchObject([{ kind: 'follow', unknown: false, job: 'job-1' }]);
    run.when('t ok').expectEvents('t succeeded', 'run succeeded');
  });

  it('ends with what the system says, found or not', () => {
    alone({})
      .given('t starts', 't unknown')
      .when('t ok')
      .expectEvents('t succeeded', 'run succeeded');
  });

  it.each(['skip t', 'force t failed'])('is settled by "%s" in a run being cancelled', (verb) => {
    const run = alone({}).given('t starts', 't unknown', 'cancel');
    expect(run.standing).toBe('t:unknown run:cancelling');
    run.given(verb);
    expect(run.standing).toMatch(/run:cancelled$/);
  });
});

describe('a child run', () => {
  it('is in the event that starts it, and in the plan', () => {
    const run = alone({ workflow: 'w' }).when('t starts r2').expectEvents('t started');
    expect(run.last).toMatchObject([{ child: 'r2' }]);
    expect(plan(run.state)).toMatchObject([{ kind: 'follow', child: 'r2', cancel: false }]);
    run.given('cancel');
    expect(plan(run.state)).toMatchObject([{ kind: 'follow', child: 'r2', cancel: true }]);
    run.given('t unknown', 't resolved');
    expect(plan(run.state)).toMatchObject([{ child: 'r2', cancel: true }]);
  });
});

describe('law 10: a report about an attempt that is over is refused', () => {
  const STALE = ['starts', 'submits', 'ok', 'fails', 'unknown', 'resolved', 'stopped', 'wakes'];

  it.each(STALE)('"%s" after the end', (verb) => {
    alone({})
      .given('t starts', 't ok')
      .when(`t ${verb}`)
      .expectRefusal('task.stale', /is over/);
  });

  it.each(STALE)('"%s" after the end of a cancelled run', (verb) => {
    const run = alone({ retry: {} }).given('t starts', 'cancel', 't stopped');
    run.when(`t ${verb}`).expectRefusal('task.stale');
    expect(run.standing).toBe('t:cancelled run:cancelled');
  });

  it.each(STALE)('"%s" of the attempt before', (verb) => {
    const run = alone({ retry: {} }).given('t starts', 't fails transient', '+1000', 't wakes');
    run
      .given('t starts')
      .when(`t#1 ${verb}`)
      .expectRefusal('task.stale', /attempt 1 of "t"/);
  });

  it.each(STALE)('"%s" of an attempt that nobody began', (verb) => {
    alone({}).when(`t#2 ${verb}`).expectRefusal('task.stale');
    alone({}).when(`nobody ${verb}`).expectRefusal('task.stale');
  });

  it('a retry that is due after its run was cancelled stays away', () => {
    const run = alone({ retry: {} }).given('t fails transient', 'cancel', '+1000');
    run.when('t wakes').expectRefusal('task.stale');
    expect(run.standing).toBe('t:cancelled run:cancelled');
  });

  it.each<[string, TaskSpec]>([
    ['an approval', { approve: {} }],
    ['a wait', { wait: 5_000 }],
    ['a mapped task', { each: [1, 2] }],
  ])('%s takes no outcome from outside', (_, spec) => {
    for (const verb of STALE.filter((each) => each !== 'wakes')) {
      alone(spec).when(`t ${verb}`).expectRefusal('task.stale');
    }
  });

  it('what has begun is begun again while it is held: its outcome is waited for', () => {
    const run = alone({}).given('t starts', 'hold');
    run.when('t starts again').expectEvents('t started');
  });

  it('an attempt that is held does not start', () => {
    alone({}).given('hold t').when('t starts').expectRefusal('task.wrong-status', /held/);
    alone({}).given('hold').when('t starts').expectRefusal('task.wrong-status', /held/);
  });
});
