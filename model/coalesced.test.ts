/** Work that is asked for by many: one at a time, once more if asked meanwhile, whatever it throws. */
import { expect, it } from 'vitest';
import { Coalesced } from './coalesced.ts';

/** Work whose rounds end when the test says so, and what came of it. */
function subject() {
  const rounds: { end(): void; fail(error: Error): void }[] = [];
  const errors: unknown[] = [];
  let under = 0;
  let mostAtOnce = 0;
  const coalesced = new Coalesced(
    async () => {
      under += 1;
      mostAtOnce = Math.max(mostAtOnce, under);
      try {
        await new Promise<void>((end, fail) => rounds.push({ end, fail }));
      } finally {
        under -= 1;
      }
    },
    (error) => errors.push(error),
  );
  return { coalesced, rounds, errors, mostAtOnce: () => mostAtOnce };
}

/** Everything that follows without waiting for the world has followed. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('begins before `ask` returns', () => {
  const { coalesced, rounds } = subject();
  expect(coalesced.isUnderWay).toBe(false);
  coalesced.ask();
  expect(rounds).toHaveLength(1);
  expect(coalesced.isUnderWay).toBe(true);
});

it('does it once more for all who asked meanwhile, and never two at once', async () => {
  const { coalesced, rounds, mostAtOnce } = subject();
  coalesced.ask();
  for (let i = 0; i < 5; i++) coalesced.ask();
  await settled();
  expect(rounds).toHaveLength(1);
  rounds[0]?.end();
  await settled();
  expect(rounds).toHaveLength(2);
  rounds[1]?.end();
  await coalesced.idle();
  expect(rounds).toHaveLength(2);
  expect(mostAtOnce()).toBe(1);
  expect(coalesced.isUnderWay).toBe(false);
});

it('begins anew when it is asked after it was idle', async () => {
  const { coalesced, rounds } = subject();
  coalesced.ask();
  rounds[0]?.end();
  await coalesced.idle();
  coalesced.ask();
  expect(rounds).toHaveLength(2);
});

it('loses no ask of the turn in which the work ends', async () => {
  // Asks in each of the microtasks around the end, one subject for each.
  for (let ticks = 0; ticks < 12; ticks++) {
    const { coalesced, rounds, mostAtOnce } = subject();
    coalesced.ask();
    rounds[0]?.end();
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
    coalesced.ask();
    await settled();
    expect(rounds).toHaveLength(2);
    rounds[1]?.end();
    await coalesced.idle();
    expect(mostAtOnce()).toBe(1);
  }
});

it('lets work ask for itself, also before its first await', async () => {
  let left = 3;
  let under = 0;
  let done = 0;
  const coalesced: Coalesced = new Coalesced(
    async () => {
      under += 1;
      expect(under).toBe(1);
      if (--left > 0) coalesced.ask();
      await Promise.resolve();
      under -= 1;
      done += 1;
    },
    (error) => {
      throw error;
    },
  );
  coalesced.ask();
  await coalesced.idle();
  expect(done).toBe(3);
});

it('takes work that needs no promise', async () => {
  let done = 0;
  const coalesced = new Coalesced(
    () => {
      done += 1;
    },
    () => {},
  );
  coalesced.ask();
  expect(done).toBe(1);
  await coalesced.idle();
  coalesced.ask();
  await coalesced.idle();
  expect(done).toBe(2);
});

it('hands a rejection to the handler and serves who asked meanwhile', async () => {
  const { coalesced, rounds, errors } = subject();
  const error = new Error('the database is away');
  coalesced.ask();
  coalesced.ask();
  rounds[0]?.fail(error);
  await settled();
  expect(errors).toEqual([error]);
  expect(rounds).toHaveLength(2);
  rounds[1]?.end();
  await coalesced.idle();
  coalesced.ask();
  expect(rounds).toHaveLength(3);
});

it('hands what is thrown at once to the handler, and not to who asks', async () => {
  const errors: unknown[] = [];
  const error = new Error('thrown before the first await');
  let calls = 0;
  const coalesced = new Coalesced(
    () => {
      calls += 1;
      throw error;
    },
    (each) => errors.push(each),
  );
  coalesced.ask();
  coalesced.ask();
  await coalesced.idle();
  expect(calls).toBe(2);
  expect(errors).toEqual([error, error]);
  coalesced.ask();
  await coalesced.idle();
  expect(calls).toBe(3);
});

it('works again after a handler that throws, which is not hidden', async () => {
  let calls = 0;
  const coalesced = new Coalesced(
    () => {
      calls += 1;
      throw new Error('work');
    },
    () => {
      throw new Error('handler');
    },
  );
  coalesced.ask();
  await expect(coalesced.idle()).rejects.toThrow('handler');
  expect(coalesced.isUnderWay).toBe(false);
  coalesced.ask();
  await expect(coalesced.idle()).rejects.toThrow('handler');
  expect(calls).toBe(2);
});

it('begins nothing after a stop, and finishes what is under way', async () => {
  const { coalesced, rounds } = subject();
  coalesced.ask();
  coalesced.ask();
  coalesced.stop();
  let isIdle = false;
  const idle = coalesced.idle().then(() => (isIdle = true));
  await settled();
  expect(isIdle).toBe(false);
  rounds[0]?.end();
  await idle;
  coalesced.ask();
  await coalesced.idle();
  expect(rounds).toHaveLength(1);
});
