/** Runs come to memory when they are due and memory has capacity, by signals, and none is forgotten. */
import { expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import type { Observer } from '../observer.ts';
import { type RunSource, Turns, Waker } from './waker.ts';

/** A source of runs by the time that they are due, and a memory that takes so many. */
function subject(options: { capacity?: number; turns?: Turns; clock?: SimulatedClock } = {}) {
  const clock = options.clock ?? new SimulatedClock(0);
  const due = new Map<string, number>();
  const memory: string[] = [];
  const asked: { now: number; limit: number }[] = [];
  const troubles: string[] = [];
  const state = {
    capacity: options.capacity ?? 1_000,
    refuses: new Set<string>(),
    fails: undefined as Error | undefined,
    gate: undefined as Promise<void> | undefined,
  };
  const source: RunSource = {
    due: async (now, limit) => {
      asked.push({ now, limit });
      if (state.fails !== undefined) throw state.fails;
      const all = [...due].filter(([, at]) => at <= now).map(([run]) => run);
      const later = [...due.values()].filter((at) => at > now);
      const runs = all.slice(0, limit);
      for (const run of runs) due.delete(run);
      await state.gate;
      return { runs, nextAt: later.length === 0 ? null : Math.min(...later) };
    },
    load: async (runs) => {
      await state.gate;
      memory.push(...runs.filter((run) => !state.refuses.has(run)));
      return runs.filter((run) => state.refuses.has(run));
    },
  };
  const observer: Pick<Observer, 'troubled'> = { troubled: (what) => void troubles.push(what) };
  const waker = new Waker({
    source,
    clock,
    turns: options.turns ?? new Turns(),
    capacity: () => state.capacity - memory.length,
    observer: observer as Observer,
  });
  return { clock, due, memory, asked, troubles, state, waker };
}

it('brings what is due, and then waits for the time that the source names', async () => {
  const { clock, due, memory, asked, waker } = subject();
  due.set('now', 0).set('later', 5_000).set('last', 9_000);
  waker.check();
  await quiet();
  expect(memory).toEqual(['now']);
  await clock.advance(4_999);
  expect(memory).toEqual(['now']);
  await clock.advance(1);
  expect(memory).toEqual(['now', 'later']);
  await clock.advance(60_000);
  expect(memory).toEqual(['now', 'later', 'last']);
  // Once for each, and not once more by the clock.
  expect(asked.map(({ now }) => now)).toEqual([0, 5_000, 9_000]);
  expect(clock.waiting).toBe(0);
});

it('takes an earlier time that it is told, and keeps it when a later one comes', async () => {
  const { clock, due, memory, waker } = subject();
  waker.expect(9_000);
  due.set('early', 3_000);
  waker.expect(3_000);
  waker.expect(7_000);
  expect(clock.waiting).toBe(1);
  await clock.advance(3_000);
  expect(memory).toEqual(['early']);
});

it('checks at once when the time that it waits for has passed', async () => {
  const { clock, due, memory, waker } = subject();
  waker.expect(1_000);
  due.set('run', 0);
  // Set, as an operator sets a clock: the alarm has not rung yet.
  Object.assign(clock, { now: () => 5_000 });
  waker.expect(8_000);
  await quiet();
  expect(memory).toEqual(['run']);
});

it('keeps a time that it is told while it checks: the source may not have seen that run', async () => {
  const { clock, due, memory, asked, state, waker } = subject();
  due.set('last', 9_000);
  let open!: () => void;
  state.gate = new Promise((resolve) => {
    open = resolve;
  });
  waker.check();
  await quiet();
  due.set('run', 3_000);
  waker.expect(3_000);
  open();
  state.gate = undefined;
  await clock.advance(3_000);
  expect(memory).toEqual(['run']);
  expect(asked).toHaveLength(2);
});

it('goes through page after page', async () => {
  const { due, memory, asked, waker } = subject({ capacity: 10_000 });
  for (let i = 0; i < 1_200; i++) due.set(`run-${i}`, 0);
  waker.check();
  await quiet();
  expect(memory).toHaveLength(1_200);
  expect(asked.map(({ limit }) => limit)).toEqual([500, 500, 500]);
});

it('brings no more than memory can hold, and the rest when runs leave it', async () => {
  const { clock, due, memory, state, waker } = subject({ capacity: 2 });
  for (const run of ['a', 'b', 'c']) due.set(run, 0);
  waker.check();
  await quiet();
  expect(memory).toEqual(['a', 'b']);
  await clock.advance(60_000);
  expect(memory).toEqual(['a', 'b']);
  state.capacity = 3;
  waker.capacityFreed();
  await quiet();
  expect(memory).toEqual(['a', 'b', 'c']);
});

it('asks nothing for a run that leaves memory while none waits for that', async () => {
  const { asked, waker } = subject();
  waker.check();
  await quiet();
  waker.capacityFreed();
  await quiet();
  expect(asked).toHaveLength(1);
});

it('tries again what could not be loaded, until it could', async () => {
  const { clock, due, memory, state, waker } = subject();
  state.refuses.add('away');
  due.set('away', 0);
  waker.check();
  await clock.advance(5_000);
  expect(memory).toEqual([]);
  state.refuses.clear();
  await clock.advance(1_000);
  expect(memory).toEqual(['away']);
  expect(clock.waiting).toBe(0);
});

it('tries what could not be loaded elsewhere, also while it checks', async () => {
  const { clock, memory, state, waker } = subject();
  waker.postpone(['one']);
  await clock.advance(1_000);
  expect(memory).toEqual(['one']);
  let open!: () => void;
  state.gate = new Promise((resolve) => {
    open = resolve;
  });
  waker.check();
  await quiet();
  waker.postpone(['two']);
  open();
  state.gate = undefined;
  await quiet();
  expect(memory).toEqual(['one', 'two']);
  expect(clock.waiting).toBe(0);
});

it('asks a source again that could not be asked, and says so', async () => {
  const { clock, due, memory, troubles, state, waker } = subject();
  due.set('run', 0);
  state.fails = new Error('away');
  waker.check();
  await quiet();
  expect(troubles).toEqual(['bringing runs that are due to memory']);
  state.fails = undefined;
  await clock.advance(1_000);
  expect(memory).toEqual(['run']);
  expect(clock.waiting).toBe(0);
});

it('does nothing after its stop, also when it stops in the middle', async () => {
  const { clock, due, asked, state, waker } = subject();
  let open!: () => void;
  state.gate = new Promise((resolve) => {
    open = resolve;
  });
  due.set('later', 5_000);
  waker.check();
  await quiet();
  waker.stop();
  open();
  await quiet();
  waker.check();
  waker.expect(1_000);
  waker.postpone(['run']);
  await clock.advance(10_000);
  expect(asked).toHaveLength(1);
  expect(clock.waiting).toBe(0);
});

it('takes turns with others: together they bring what memory can hold', async () => {
  const turns = new Turns();
  const clock = new SimulatedClock(0);
  const first = subject({ turns, clock });
  const second = subject({ turns, clock });
  let open!: () => void;
  first.state.gate = new Promise((resolve) => {
    open = resolve;
  });
  first.waker.check();
  second.waker.check();
  await quiet();
  expect(second.asked).toHaveLength(0);
  first.state.fails = new Error('its turn is over with an error, too');
  open();
  await quiet();
  expect(second.asked).toHaveLength(1);
});
