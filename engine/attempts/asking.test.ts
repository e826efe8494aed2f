/** A system that does not answer, and an attempt that is to stop: no question and no pause is waited for in vain. */
import { describe, expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import { answerTo, pause } from './asking.ts';
import { runningAttempt } from './attempt.fixture.ts';
import type { RunningAttempt } from './running-attempt.ts';

function subject() {
  const clock = new SimulatedClock();
  const attempt = runningAttempt();
  const running = { attempt, services: { clock } } as unknown as RunningAttempt;
  return { clock, attempt, running };
}

/** Whether it is over by now, and how it ended. */
function watched(promise: Promise<unknown>) {
  const seen: { value?: unknown; message?: string } = {};
  promise.then(
    (value) => (seen.value = value ?? 'over'),
    (error: Error) => (seen.message = error.message),
  );
  return seen;
}

const never = () => new Promise<string>(() => undefined);

describe('a pause', () => {
  it.each([
    ['its time', async ({ clock }: ReturnType<typeof subject>) => clock.advance(500)],
    ['a poke', async ({ attempt }: ReturnType<typeof subject>) => attempt.poke()],
    ['a stop', async ({ attempt }: ReturnType<typeof subject>) => attempt.halt('cancel')],
  ])('ends with %s, and leaves no timer', async (_, ends) => {
    const subjects = subject();
    const seen = watched(pause(subjects.running, 500));
    await subjects.clock.advance(499);
    expect([seen, subjects.clock.waiting]).toEqual([{}, 1]);
    await ends(subjects);
    await quiet();
    expect([seen, subjects.clock.waiting]).toEqual([{ value: 'over' }, 0]);
  });

  it('ends early with a sign of the system', async () => {
    const { clock, running } = subject();
    let sign!: () => void;
    const early = (wake: () => void) => {
      sign = wake;
      return () => undefined;
    };
    const seen = watched(pause(running, 500, early));
    sign();
    await quiet();
    expect([seen, clock.waiting]).toEqual([{ value: 'over' }, 0]);
  });
});

describe('a question to a system', () => {
  it('is answered, or fails as the system says, and leaves no timer', async () => {
    const { clock, running } = subject();
    const failed = new Error('no such job');
    await expect(answerTo(running, Promise.resolve('here'))).resolves.toBe('here');
    await expect(answerTo(running, Promise.reject(failed))).rejects.toBe(failed);
    expect(clock.waiting).toBe(0);
  });

  it('is given up after a minute of silence', async () => {
    const { clock, running } = subject();
    const seen = watched(answerTo(running, never()));
    await clock.advance(59_999);
    expect(seen).toEqual({});
    await clock.advance(1);
    expect(seen).toEqual({ message: 'the system has not answered for 60 s' });
  });

  it.each(['drop', 'shutdown'] as const)('is given up at once on %s', async (stop) => {
    const { attempt, clock, running } = subject();
    const seen = watched(answerTo(running, never()));
    attempt.halt(stop);
    await quiet();
    expect([seen.message, clock.waiting]).toEqual(['the system has not answered for 0 s', 0]);
    // And not even waited for when its answer is not wanted any more.
    await expect(answerTo(running, never())).rejects.toThrow('0 s');
  });

  it('goes on after a cancellation: what became of the work is known only by asking', async () => {
    const { attempt, clock, running } = subject();
    const seen = watched(answerTo(running, never()));
    attempt.halt('cancel');
    await clock.advance(30_000);
    expect(seen).toEqual({});
  });

  it('has less time after a cancellation where less is left to it', async () => {
    const { attempt, clock, running } = subject();
    const seen = watched(answerTo(running, never(), { ms: 600_000, graceMs: 5_000 }));
    await clock.advance(60_000);
    attempt.halt('cancel');
    await clock.advance(4_999);
    expect(seen).toEqual({});
    await clock.advance(1);
    expect([seen.message, clock.waiting]).toEqual(['the system has not answered for 5 s', 0]);
  });
});
