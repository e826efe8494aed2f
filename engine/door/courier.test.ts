/** A command comes to the node that owns its run, is never sent twice, and its sender knows what is known. */
import { expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import { TuttiError } from '../../model/errors.ts';
import type { Peer } from '../door.ts';
import type { Observer } from '../observer.ts';
import { Elsewhere } from '../runs/absence.ts';
import { Courier } from './courier.ts';

const PATIENCE_MS = 2_000;

/** Two nodes: this one, whose tries the test answers, and its peer. */
function subject(options: { reachable?: boolean } = {}) {
  const clock = new SimulatedClock(0);
  const wakers = new Set<() => void>();
  const forgotten: number[] = [];
  const troubles: string[] = [];
  const log: string[] = [];
  const peer: Peer = {
    submit: () => Promise.reject(new Error('not asked for')),
    inspect: () => Promise.reject(new Error('not asked for')),
  };
  const observer: Pick<Observer, 'troubled'> = { troubled: (what) => void troubles.push(what) };
  const courier = new Courier({
    peers: {
      find: async () => (options.reachable === false ? null : peer),
      forget: (node) => void forgotten.push(node),
    },
    clock,
    patienceMs: PATIENCE_MS,
    onOwnersChanged: (wake) => {
      wakers.add(wake);
      return () => wakers.delete(wake);
    },
    observer: observer as Observer,
  });
  /** Answers in this order; the last one again and again. */
  const answers = (where: string, ...each: readonly (string | Error)[]) => {
    let next = 0;
    return async () => {
      log.push(where);
      const answer = each[Math.min(next++, each.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer;
    };
  };
  return { clock, wakers, forgotten, troubles, log, courier, answers };
}

const elsewhere = new Elsewhere('run-1', 2);
const untouched = new TuttiError('node.unreachable', 'nothing was sent');

/** What came of it by now. */
function watched<T>(promise: Promise<T>) {
  const seen: { answer?: T; error?: unknown } = {};
  promise.then(
    (answer) => (seen.answer = answer),
    (error: unknown) => (seen.error = error),
  );
  return seen;
}

it('does it here when the run is here', async () => {
  const { courier, answers, log, wakers } = subject();
  expect(await courier.deliver(undefined, answers('here', 'done'), answers('there'))).toBe('done');
  expect(log).toEqual(['here']);
  expect(wakers.size).toBe(0);
});

it('sends it to the owner, and gives its answer', async () => {
  const { courier, answers, log, wakers } = subject();
  const answer = courier.deliver(undefined, answers('here', elsewhere), answers('there', 'done'));
  expect(await answer).toBe('done');
  expect(log).toEqual(['here', 'there']);
  expect(wakers.size).toBe(0);
});

it('does not pass on what another node has sent here', async () => {
  const { courier, answers, log } = subject();
  const answer = courier.deliver('node-b', answers('here', elsewhere), answers('there', 'done'));
  await expect(answer).rejects.toBe(elsewhere);
  expect(log).toEqual(['here']);
});

it('says where the run is when that node cannot be reached from here', async () => {
  const { courier, answers } = subject({ reachable: false });
  const answer = courier.deliver(undefined, answers('here', elsewhere), answers('there', 'done'));
  await expect(answer).rejects.toBe(elsewhere);
});

it('does not send again what was sent and not answered', async () => {
  const { courier, answers, log, forgotten, wakers } = subject();
  const lost = new TuttiError('command.unanswered', 'the answer was lost');
  const answer = courier.deliver(undefined, answers('here', elsewhere), answers('there', lost));
  await expect(answer).rejects.toBe(lost);
  expect(log).toEqual(['here', 'there']);
  expect(forgotten).toEqual([2]);
  expect(wakers.size).toBe(0);
});

it('passes on what went wrong here', async () => {
  const { courier, answers, wakers } = subject();
  const wrong = new TuttiError('node.stopping');
  await expect(courier.deliver(undefined, answers('here', wrong), answers('there'))).rejects.toBe(
    wrong,
  );
  expect(wakers.size).toBe(0);
});

it.each(['node.unreachable', 'node.stopping', 'node.fenced', 'run.elsewhere'] as const)(
  'tries again when the owner did nothing with it (%s), as soon as runs have changed hands',
  async (code) => {
    const { courier, answers, log, wakers, clock } = subject();
    const nothing = new TuttiError(code, 'nothing was done');
    const seen = watched(
      courier.deliver(undefined, answers('here', elsewhere, 'done'), answers('there', nothing)),
    );
    await quiet();
    expect(log).toEqual(['here', 'there']);
    for (const wake of wakers) wake();
    await quiet();
    expect(seen.answer).toBe('done');
    expect(clock.waiting).toBe(0);
    expect(wakers.size).toBe(0);
  },
);

it('misses no change of hands while it asks', async () => {
  const { courier, answers, log, wakers } = subject();
  const there = async () => {
    for (const wake of wakers) wake();
    return answers('there', untouched)();
  };
  const seen = watched(courier.deliver(undefined, answers('here', elsewhere, 'done'), there));
  await quiet();
  expect(seen.answer).toBe('done');
  expect(log).toEqual(['here', 'there', 'here']);
});

it('tries again after a moment, for a node that came back by itself', async () => {
  const { courier, answers, log, clock } = subject();
  const seen = watched(
    courier.deliver(undefined, answers('here', elsewhere, 'done'), answers('there', untouched)),
  );
  await clock.advance(499);
  expect(log).toEqual(['here', 'there']);
  await clock.advance(1);
  expect(seen.answer).toBe('done');
});

it('gives up when its patience is over, and says that nothing was sent', async () => {
  const { courier, answers, clock, wakers } = subject();
  const seen = watched(
    courier.deliver(undefined, answers('here', elsewhere), answers('there', untouched)),
  );
  await clock.advance(PATIENCE_MS - 1);
  expect(seen.error).toBeUndefined();
  await clock.advance(1);
  expect(seen.error).toMatchObject({ code: 'node.unreachable' });
  expect(clock.waiting).toBe(0);
  expect(wakers.size).toBe(0);
});

it('asks a question that may stay without an answer, and says so', async () => {
  const { courier, forgotten, troubles } = subject();
  expect(await courier.ask(2, async () => 'answer')).toBe('answer');
  expect(await courier.ask(2, () => Promise.reject(new Error('away')))).toBeNull();
  expect(forgotten).toEqual([2]);
  expect(troubles).toEqual(['asking the node that owns a run']);
  const { courier: alone } = subject({ reachable: false });
  expect(await alone.ask(2, async () => 'answer')).toBeNull();
});
