/** A lease is renewed in time, one question at a time, is sure only while it lasts, and is lost once. */
import { expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import { LeaseKeeper } from './lease-keeper.ts';

const LEASE_MS = 15_000;
const THIRD_MS = 5_000;

/** A journal whose answers the test gives, or that answers at once. */
function subject() {
  const clock = new SimulatedClock(1_000);
  const heard: (string | number | null)[] = [];
  const troubles: string[] = [];
  const questions: { at: number; answer(kept: boolean): void; fail(): void }[] = [];
  const state = { byHand: false, fails: false, kept: true, othersEndInMs: null as number | null };
  const journal = {
    renew: () => {
      const answer = (kept: boolean) => ({ kept, othersEndInMs: state.othersEndInMs });
      if (!state.byHand) {
        questions.push({ at: clock.now(), answer: () => {}, fail: () => {} });
        if (state.fails) return Promise.reject(new Error('away'));
        return Promise.resolve(answer(state.kept));
      }
      return new Promise<ReturnType<typeof answer>>((resolve, reject) => {
        questions.push({
          at: clock.now(),
          answer: (kept) => resolve(answer(kept)),
          fail: () => reject(new Error('away')),
        });
      });
    },
  };
  const observer: Pick<Observer, 'troubled'> = { troubled: (what) => void troubles.push(what) };
  const keeper = new LeaseKeeper({
    journal,
    identity: new NodeIdentity({ node: 1, epoch: 1 }),
    leaseMs: LEASE_MS,
    clock,
    listener: {
      renewed: (othersEndInMs) => void heard.push(othersEndInMs),
      lost: () => void heard.push('lost'),
    },
    observer: observer as Observer,
  });
  const register = () => keeper.registered({ now: clock.now(), elapsed: clock.elapsed() });
  return { clock, heard, troubles, questions, state, keeper, register };
}

/** What the promise has answered by now. */
function watched<T>(promise: Promise<T>) {
  const seen: { answer?: T } = {};
  void promise.then((answer) => (seen.answer = answer));
  return seen;
}

it('renews after each third of the lease, and says when the leases of others end', async () => {
  const { clock, heard, questions, state, register } = subject();
  register();
  state.othersEndInMs = 700;
  await clock.advance(THIRD_MS);
  state.othersEndInMs = null;
  await clock.advance(THIRD_MS);
  expect(questions.map(({ at }) => at)).toEqual([6_000, 11_000]);
  expect(heard).toEqual([700, null]);
  expect(clock.waiting).toBe(1);
});

it('is sure for the length of the lease from its question on, not from the answer', async () => {
  const { clock, questions, state, keeper, register } = subject();
  expect(keeper.isSure).toBe(false);
  register();
  expect(keeper.isSure).toBe(true);
  state.byHand = true;
  await clock.advance(THIRD_MS);
  // The answer takes its time.
  await clock.advance(4_000);
  questions[0]?.answer(true);
  await quiet();
  state.fails = true;
  state.byHand = false;
  await clock.advance(LEASE_MS - 4_000 - 1);
  expect(keeper.isSure).toBe(true);
  await clock.advance(1);
  expect(keeper.isSure).toBe(false);
});

it('is not sure when only one of the clocks says so', () => {
  const { clock, keeper, register } = subject();
  register();
  const later = clock.now() + LEASE_MS;
  Object.assign(clock, { now: () => later });
  expect(keeper.isSure).toBe(false);
  const { clock: other, keeper: second, register: begin } = subject();
  begin();
  const elapsed = other.elapsed() + LEASE_MS;
  Object.assign(other, { elapsed: () => elapsed });
  expect(second.isSure).toBe(false);
});

it('asks one question at a time, and once more for all who asked meanwhile', async () => {
  const { questions, state, keeper, register } = subject();
  register();
  state.byHand = true;
  const first = watched(keeper.renew().then(() => 'done'));
  void keeper.renew();
  void keeper.renew();
  await quiet();
  expect(questions).toHaveLength(1);
  questions[0]?.answer(true);
  await quiet();
  expect(questions).toHaveLength(2);
  expect(first.answer).toBeUndefined();
  questions[1]?.answer(true);
  await quiet();
  expect(questions).toHaveLength(2);
  expect(first.answer).toBe('done');
});

it('asks again after a third when the database is away, and says so', async () => {
  const { clock, heard, troubles, questions, state, register } = subject();
  register();
  state.fails = true;
  await clock.advance(2 * THIRD_MS);
  expect(questions).toHaveLength(2);
  expect(troubles).toEqual(["renewing this node's lease", "renewing this node's lease"]);
  state.fails = false;
  await clock.advance(THIRD_MS);
  expect(heard).toEqual([null]);
});

it('lets whoever must be sure wait until a renewal that still lasts', async () => {
  const { clock, questions, state, keeper, register } = subject();
  register();
  state.fails = true;
  await clock.advance(LEASE_MS);
  expect(keeper.isSure).toBe(false);
  const first = watched(keeper.untilSure());
  const second = watched(keeper.untilSure());
  await clock.advance(2 * THIRD_MS);
  expect(first.answer).toBeUndefined();
  // A renewal whose answer comes when it has ended already makes nothing sure.
  state.fails = false;
  state.byHand = true;
  await clock.advance(THIRD_MS);
  await clock.advance(LEASE_MS);
  questions.at(-1)?.answer(true);
  await quiet();
  expect(first.answer).toBeUndefined();
  state.byHand = false;
  await clock.advance(THIRD_MS);
  expect([first.answer, second.answer]).toEqual([true, true]);
});

it('says once that the lease is lost, and whoever waits hears that it will not be sure', async () => {
  const { clock, heard, state, keeper, register } = subject();
  register();
  state.fails = true;
  await clock.advance(LEASE_MS);
  const waiting = watched(keeper.untilSure());
  await quiet();
  state.fails = false;
  state.kept = false;
  await clock.advance(THIRD_MS);
  expect(heard).toEqual(['lost']);
  // Whoever hears it stops the keeper.
  keeper.stop();
  await quiet();
  expect(waiting.answer).toBe(false);
  expect(clock.waiting).toBe(0);
});

it('does nothing after its stop: an answer that comes later says nothing', async () => {
  const { clock, heard, troubles, questions, state, keeper, register } = subject();
  register();
  state.byHand = true;
  await clock.advance(THIRD_MS);
  keeper.stop();
  questions[0]?.answer(false);
  await quiet();
  void keeper.renew();
  await clock.advance(LEASE_MS);
  expect(questions).toHaveLength(1);
  expect([heard, troubles]).toEqual([[], []]);
  expect(clock.waiting).toBe(0);
});
