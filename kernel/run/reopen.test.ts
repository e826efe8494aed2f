/** A child run goes on after its end: what its parent's task does, and when the child may end again. */
import { describe, expect, it } from 'vitest';
import { define } from './definition.fixture.ts';
import { script, scriptOfChild } from './script.fixture.ts';

const CALL = { a: { workflow: 'child' }, b: { needs: ['a'] } } as const;
const failed = () => script(define(CALL)).given('a starts kid', 'a fails');

describe('the parent of a mended child', () => {
  it('waits for the same child again, and goes on when it ends well', () => {
    failed().given('a#1 reopens kid').expectEvents('a reopened').given('a#1 ok', 'b ok');
    const run = failed().given('a#1 reopens kid');
    expect(run.standing).toBe('a:running b:waiting run:going');
    expect(run.node('a').status).toMatchObject({ attempt: 1, child: 'kid' });
    run.when('a#1 ok').expectCarriedOut();
    expect(run.standing).toBe('a:succeeded b:queued run:going');
  });

  it('fails once more when the child does', () => {
    const run = failed().given('a#1 reopens kid').when('a#1 fails');
    run.expectEvents('a failed', 'run failed');
  });

  it('has its own timeout before it again', () => {
    const limited = define({ a: { workflow: 'child', timeoutMs: 1_000 } }, { timeoutMs: 5_000 });
    const run = script(limited).given('a starts kid', 'a fails', '+100000', 'a#1 reopens kid');
    run.given('+999').when('a wakes').expectRefusal('task.stale');
    run.given('+1', 'a wakes').expectEvents('a to stop because of timeout');
  });

  it('does not begin the next attempt while the child of this one goes on', () => {
    const retrying = define({ a: { workflow: 'child', retry: { attempts: 3, delayMs: 5_000 } } });
    const run = script(retrying).given('a starts kid', 'a fails transient');
    expect(run.standing).toBe('a:retrying run:going');
    run.given('a#1 reopens kid', '+60000').when('a wakes').expectRefusal('task.stale');
    run.given('a#1 ok').expectEvents('a succeeded', 'run succeeded');
  });

  it('lets what came after the failure wait anew, as a restart from the task does', () => {
    const handled = define({
      a: { workflow: 'child' },
      b: { needs: ['a'] },
      clean: { needs: { a: 'done' } },
      alarm: { needs: { a: 'failed' } },
    });
    const run = script(handled).given('a starts kid', 'a fails', 'clean ok', 'alarm ok');
    run.given('a#1 reopens kid').expectEvents('a reopened', 'restarted b clean alarm');
    expect(run.standing).toBe('a:running b:waiting clean:waiting alarm:waiting run:going');
    run.given('a#1 ok');
    expect(run.standing).toBe('a:succeeded b:queued clean:queued alarm:skipped run:going');
  });

  it('is not disturbed while something works behind the failure', () => {
    const handled = define({ a: { workflow: 'child' }, alarm: { needs: { a: 'failed' } } });
    const run = script(handled).given('a starts kid', 'a fails', 'alarm starts');
    run.when('a#1 reopens kid').expectRefusal('restart.running', 'alarm');
  });

  it('waits again as an item of a list', () => {
    const mapped = define({ a: { workflow: 'child', each: [1, 2] }, b: { needs: ['a'] } });
    const run = script(mapped).given('a[0] starts k0', 'a[1] starts k1', 'a[0] ok', 'a[1] fails');
    expect(run.standing).toBe('a:failed b:waiting a[0]:succeeded a[1]:failed run:failed');
    run.given('a[1]#1 reopens k1').given('a[1]#1 ok').expectCarriedOut();
    expect(run.standing).toBe('a:succeeded b:queued a[0]:succeeded a[1]:succeeded run:going');
  });

  it('hears it twice and does it once', () => {
    failed().given('a#1 reopens kid').given('a#1 reopens kid').expectEvents();
  });
});

describe('the word of the parent stands against its child', () => {
  it.each([
    ['another attempt has begun', ['rerun a'], 'task.stale'],
    ['the task waits to begin anew', ['restart a', 'hold a'], 'task.stale'],
    ['somebody forced it to fail', ['force a failed'], 'task.wrong-status'],
    ['somebody forced it to succeed', ['force a'], 'task.wrong-status'],
    ['somebody skipped it', ['skip a'], 'task.wrong-status'],
  ])('when %s', (_, steps, code) => {
    failed()
      .given(...steps)
      .when('a#1 reopens kid')
      .expectRefusal(code);
  });

  it('when the run was cancelled, is being cancelled, or timed out', () => {
    const parts = define({ a: { workflow: 'child' }, c: {} }, { timeoutMs: 5_000 });
    const run = () => script(parts).given('a starts kid', 'a fails', 'c starts');
    run().given('cancel').when('a#1 reopens kid').expectRefusal('run.wrong-status', 'cancelled');
    const over = run().given('cancel', 'c stopped');
    over.when('a#1 reopens kid').expectRefusal('run.wrong-status', 'was cancelled');
    const late = run().given('+5000', 'run wakes', 'c stopped');
    late.when('a#1 reopens kid').expectRefusal('run.wrong-status', 'timed out');
  });

  it('when it never began it', () => {
    failed().when('b#1 reopens kid').expectRefusal('task.stale');
    failed().when('nobody#1 reopens kid').expectRefusal('task.unknown');
    script(define({ a: {} }))
      .given('a fails')
      .when('a#1 reopens kid')
      .expectRefusal('task.stale');
  });
});

describe('a child that goes on after its end', () => {
  it.each(['restart', 'rerun a', 'skip a', 'force a'])(
    'by "%s", ends again when its parent has heard of it',
    (verb) => {
      const child = scriptOfChild(define({ a: {} })).given('a fails');
      expect(child.standing).toBe('a:failed run:failed');
      child.given(verb);
      if (verb === 'restart' || verb === 'rerun a') child.given('a ok');
      expect(child.standing).toMatch(/ run:going$/);
      child.given('parent waits').expectEvents('parent takes over', 'run succeeded');
    },
  );

  it('may hear of it before its work is done, and hears of it once for each time it goes on', () => {
    const child = scriptOfChild(define({ a: {} })).given('a fails', 'restart', 'parent refuses');
    child
      .expectEvents('parent does not take over')
      .when('parent waits')
      .expectRefusal('task.stale');
    child.given('a fails').expectEvents('a failed', 'run failed');
    child.given('restart', 'a ok').expectEvents('a succeeded');
    child.given('parent waits').expectEvents('parent takes over', 'run succeeded');
  });

  it('has nobody to tell without a parent, or while it has not ended', () => {
    script(define({ a: {} }))
      .given('a fails', 'restart', 'a ok')
      .expectEvents('a succeeded', 'run succeeded');
    const child = scriptOfChild(define({ a: {}, b: {} })).given('a fails', 'rerun a', 'a ok');
    child.given('b ok').expectEvents('b succeeded', 'run succeeded');
  });
});
