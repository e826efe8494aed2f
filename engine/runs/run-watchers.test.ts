/** Who waits for news of a run is woken by what it waits for, from here or from elsewhere, and leaves nothing behind. */
import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { waitFor } from '../../model/wait-for.ts';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import type { Observer } from '../observer.ts';
import { RunWatchers } from './run-watchers.ts';

const RUN = 'run-1';

function subject(options: { live?: readonly string[] } = {}) {
  const clock = new SimulatedClock();
  const troubles: { what: string; about: object | undefined }[] = [];
  const observer: Pick<Observer, 'troubled'> = {
    troubled: (what, _error, about) => void troubles.push({ what, about }),
  };
  const isLive = (run: string) => options.live?.includes(run) === true;
  const watchers = new RunWatchers(clock, isLive, observer as Observer);
  return { clock, troubles, watchers };
}

/** What a run's journal says: events up to there are in it; and how often it was asked. */
function journal(durable: number) {
  const state = { durable, asked: 0, most: 0, under: 0 };
  let fails: Error | undefined;
  let gate: Promise<void> | undefined;
  const beyond = (seq: number): Parameters<RunWatchers['until']>[2] => ({
    isThere: async () => {
      state.asked += 1;
      state.under += 1;
      state.most = Math.max(state.most, state.under);
      await gate;
      state.under -= 1;
      if (fails !== undefined) throw fails;
      return state.durable > seq;
    },
    isAmong: (known) => known > seq,
  });
  return {
    state,
    beyond,
    fail: (error: Error | undefined) => {
      fails = error;
    },
    hold: (promise: Promise<void> | undefined) => {
      gate = promise;
    },
  };
}

/** A promise, and whether it is over by now. */
function watched(promise: Promise<void>) {
  const seen = { over: false, error: undefined as unknown };
  promise.then(
    () => (seen.over = true),
    (error: unknown) => (seen.error = error),
  );
  return seen;
}

const never = () => new AbortController().signal;

it('returns at once when it is there already', async () => {
  const { clock, watchers } = subject();
  await watchers.until(RUN, never(), journal(5).beyond(4));
  expect(clock.waiting).toBe(0);
});

it('is woken by a commit that holds what it waits for, and by no other', async () => {
  const { watchers } = subject({ live: [RUN] });
  const { signal } = new AbortController();
  const seen = watched(watchers.until(RUN, signal, journal(5).beyond(5)));
  await quiet();
  watchers.committed('run-2', 9);
  watchers.committed(RUN, 5);
  await quiet();
  expect(seen.over).toBe(false);
  watchers.committed(RUN, 6);
  await quiet();
  expect(seen.over).toBe(true);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

it('misses nothing that is committed while it asks the journal', async () => {
  const { watchers } = subject({ live: [RUN] });
  const book = journal(5);
  let answer!: () => void;
  book.hold(new Promise((resolve) => (answer = resolve)));
  const seen = watched(watchers.until(RUN, never(), book.beyond(5)));
  watchers.committed(RUN, 6);
  answer();
  await quiet();
  expect(seen.over).toBe(true);
});

it('ends when its signal aborts, and leaves no timer', async () => {
  const { clock, watchers } = subject();
  const controller = new AbortController();
  const seen = watched(watchers.until(RUN, controller.signal, journal(0).beyond(1)));
  await quiet();
  expect(clock.waiting).toBe(1);
  controller.abort();
  await quiet();
  expect(seen.over).toBe(true);
  expect(clock.waiting).toBe(0);
  // It is not asked about any more.
  const book = journal(0);
  await watchers.until(RUN, controller.signal, book.beyond(1));
  watchers.othersWrote();
  await quiet();
  expect(book.state.asked).toBe(0);
});

it('passes on that the journal cannot be asked at first, and leaves no timer', async () => {
  const { clock, watchers } = subject();
  const book = journal(0);
  book.fail(new Error('closed'));
  await expect(watchers.until(RUN, never(), book.beyond(1))).rejects.toThrow('closed');
  expect(clock.waiting).toBe(0);
});

it('asks the journal when other nodes have written, for runs that are not here', async () => {
  const { watchers } = subject({ live: ['here'] });
  const away = journal(0);
  const here = journal(0);
  const seen = watched(watchers.until('away', never(), away.beyond(0)));
  void watchers.until('here', never(), here.beyond(0));
  await quiet();
  away.state.durable = here.state.durable = 1;
  watchers.othersWrote();
  await quiet();
  expect(seen.over).toBe(true);
  expect(here.state.asked).toBe(1);
});

it('asks by itself once, for a node that does not notify yet', async () => {
  const { clock, watchers } = subject();
  const book = journal(0);
  const seen = watched(watchers.until(RUN, never(), book.beyond(0)));
  await quiet();
  book.state.durable = 1;
  await clock.advance(60_000);
  expect(seen.over).toBe(true);
  expect(book.state.asked).toBe(2);
});

it('asks a few at a time', async () => {
  const { watchers } = subject();
  const book = journal(0);
  for (let i = 0; i < 50; i++) void watchers.until(`run-${i}`, never(), book.beyond(0));
  await quiet();
  book.state.most = 0;
  watchers.othersWrote();
  await quiet(50);
  expect(book.state.asked).toBe(100);
  expect(book.state.most).toBeLessThanOrEqual(8);
});

it('rests after a round for ten times as long, and then asks once for all who asked meanwhile', async () => {
  const { clock, watchers } = subject();
  const book = journal(0);
  void watchers.until(RUN, never(), book.beyond(0));
  await quiet();
  let answer!: () => void;
  book.hold(new Promise((resolve) => (answer = resolve)));
  watchers.othersWrote();
  await clock.advance(100);
  answer();
  await quiet();
  expect(book.state.asked).toBe(2);
  for (let i = 0; i < 5; i++) watchers.othersWrote();
  await clock.advance(999);
  expect(book.state.asked).toBe(2);
  await clock.advance(1);
  expect(book.state.asked).toBe(3);
  await clock.advance(3_000);
  expect(book.state.asked).toBe(3);
});

it('says when the journal could not be asked, and asks again at the next notification', async () => {
  const { troubles, watchers } = subject();
  const book = journal(0);
  const seen = watched(watchers.until(RUN, never(), book.beyond(0)));
  await quiet();
  book.fail(new Error('away'));
  watchers.othersWrote();
  await quiet();
  expect(troubles).toEqual([
    { what: 'asking the journal about a run of another node', about: { run: RUN } },
  ]);
  book.fail(undefined);
  book.state.durable = 1;
  watchers.othersWrote();
  await quiet();
  expect(seen).toEqual({ over: true, error: undefined });
});

it('wakes readers of a run by its events and its log, and hearers by every commit', async () => {
  const { watchers } = subject();
  let commits = 0;
  const end = watchers.onCommit(() => (commits += 1));
  const first = watched(waitFor(never(), (wake) => watchers.onWritten(RUN, wake)));
  const second = watched(waitFor(never(), (wake) => watchers.onWritten('run-2', wake)));
  watchers.logged(RUN);
  await quiet();
  expect([first.over, second.over, commits]).toEqual([true, false, 0]);
  watchers.committed('run-2', 1);
  await quiet();
  expect([second.over, commits]).toEqual([true, 1]);
  end();
  watchers.committed('run-2', 2);
  expect(commits).toBe(1);
});
