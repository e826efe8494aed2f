/** Attempts end: by themselves, given up when they do not come back, or when the node stops. */
import { describe, expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import type { Attempt } from '../runs/live-run.ts';
import type { AttemptRunner } from './attempt-runner.ts';
import { fakeRun, type Made, runningAttempt } from './attempt.fixture.ts';
import type { Dispatcher } from './dispatcher.ts';
import { RunningAttempts } from './running-attempts.ts';

/** A runner whose attempts run until the test ends them. */
function subject() {
  const clock = new SimulatedClock();
  const steps: string[] = [];
  const ends = new Map<string, { resolve(): void; reject(error: Error): void }>();
  const until = (key: string) =>
    new Promise<void>((resolve, reject) => ends.set(key, { resolve, reject }));
  const note = (step: string) => (attempt: Attempt) => void steps.push(`${step} ${attempt.task}`);
  const runner = {
    run: ({ task }: Attempt) => {
      if (task === 'broken') throw new Error('a mistake of ours');
      return until(task);
    },
    settleOverdue: ({ task }: Attempt) => {
      steps.push(`settle ${task}`);
      return until(`${task} settled`);
    },
    fail: async ({ task }: Attempt, error: Error) => {
      steps.push(`fail ${task}: ${error.message}`);
      if (task === 'hopeless') throw new Error('and it cannot be failed');
    },
  } as unknown as AttemptRunner;
  const dispatcher = { giveUp: note('give up'), cameBack: note('came back') };
  const running = new RunningAttempts({
    clock,
    dispatcher: dispatcher as unknown as Dispatcher,
    runner,
    drainMs: 10_000,
    log: { warn: (_, message) => void steps.push(message) },
  });
  const begin = (task: string, made: Made = {}): Attempt => {
    const attempt = runningAttempt({ task, ...made });
    running.begin(attempt);
    return attempt;
  };
  const end = async (key: string, error?: Error): Promise<void> => {
    if (error === undefined) ends.get(key)?.resolve();
    else ends.get(key)?.reject(error);
    await quiet();
  };
  return { begin, clock, end, running, steps };
}

function watched(promise: Promise<void>) {
  const seen = { over: false };
  void promise.then(() => (seen.over = true));
  return seen;
}

describe('an attempt', () => {
  it('is there from its beginning to its end', async () => {
    const { begin, end, running } = subject();
    begin('a');
    begin('b');
    expect(running.size).toBe(2);
    await end('a');
    expect(running.size).toBe(1);
  });

  it.each(['broken', 'rejecting'])('that goes wrong fails its task: %s', async (task) => {
    const { begin, end, running, steps } = subject();
    begin(task);
    await end(task, new Error('a mistake of ours'));
    expect(steps).toEqual([
      'An attempt failed with an unexpected error.',
      `fail ${task}: a mistake of ours`,
    ]);
    expect(running.size).toBe(0);
  });
});

it('says that a task could not be failed, and is over', async () => {
  const { begin, end, running, steps } = subject();
  begin('hopeless');
  await end('hopeless', new Error('a mistake of ours'));
  expect(steps.at(-1)).toBe('the task of an attempt that broke could not be failed');
  expect(running.size).toBe(0);
});

describe('a call that is to stop', () => {
  it('and comes back in time is left alone', async () => {
    const { begin, clock, end, steps } = subject();
    const attempt = begin('a');
    attempt.beginCall();
    attempt.halt('cancel');
    await clock.advance(4_999);
    attempt.endCall();
    await end('a');
    await clock.advance(60_000);
    expect(steps).toEqual([]);
  });

  it('and does not is given up after five seconds, and its attempt settled without it', async () => {
    const { begin, clock, end, running, steps } = subject();
    const attempt = begin('a');
    attempt.beginCall();
    attempt.halt('cancel');
    await clock.advance(5_000);
    const warning = 'A call that was asked to stop did not return. Tutti gave it up.';
    expect(steps).toEqual(['give up a', warning, 'settle a']);
    // Dropped meanwhile: it is given up once.
    attempt.halt('drop');
    await clock.advance(60_000);
    await end('a settled');
    expect([running.size, steps.length]).toEqual([0, 3]);
    attempt.endCall();
    await end('a');
    expect(steps.at(-1)).toBe('came back a');
  });

  it('fails its task when it cannot be settled', async () => {
    const { begin, clock, end, running, steps } = subject();
    const attempt = begin('a');
    attempt.beginCall();
    attempt.halt('timeout');
    await clock.advance(5_000);
    await end('a settled', new Error('a mistake of ours'));
    expect(steps.at(-1)).toBe('fail a: a mistake of ours');
    expect(running.size).toBe(0);
  });

  it('is not settled when its outcome is not wanted', async () => {
    const { begin, clock, running, steps } = subject();
    const attempt = begin('a');
    attempt.beginCall();
    attempt.halt('drop');
    await clock.advance(5_000);
    expect([running.size, steps]).toEqual([0, ['give up a']]);
  });
});

describe('a run that left memory', () => {
  it('is quiet when its own attempts have ended', async () => {
    const { begin, clock, end, running } = subject();
    const [run, other] = [fakeRun('r1'), fakeRun('r2')];
    begin('a', { run });
    begin('b', { run });
    begin('c', { run: other });
    const seen = watched(running.quiescent(run));
    await end('a');
    expect(seen.over).toBe(false);
    await end('b');
    expect([seen.over, clock.waiting]).toEqual([true, 0]);
    const none = watched(running.quiescent(run));
    await quiet();
    expect(none.over).toBe(true);
  });

  it('is not waited for longer than half a minute', async () => {
    const { begin, clock, running } = subject();
    const run = fakeRun();
    begin('a', { run });
    const seen = watched(running.quiescent(run));
    await clock.advance(29_999);
    expect(seen.over).toBe(false);
    await clock.advance(1);
    expect(seen.over).toBe(true);
  });
});

describe('a node that stops', () => {
  it('leaves jobs and questions at once, and gives calls some time', async () => {
    const { begin, clock, end, running } = subject();
    const job = begin('job');
    const call = begin('call');
    call.beginCall();
    const seen = watched(running.drain());
    expect([job.stop, call.stop]).toEqual(['shutdown', undefined]);
    await end('job');
    await clock.advance(9_000);
    expect(seen.over).toBe(false);
    call.endCall();
    await end('call');
    expect([seen.over, clock.waiting]).toEqual([true, 0]);
  });

  it('stops what has not ended when that time is over', async () => {
    const { begin, clock, running } = subject();
    const call = begin('call');
    call.beginCall();
    const seen = watched(running.drain());
    await clock.advance(10_000);
    expect([seen.over, call.stop]).toEqual([true, 'shutdown']);
  });
});
