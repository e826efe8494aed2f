/** What the world is made to follow; the engine's laws drive it as a whole (`tests/laws`). */
import { expect, it } from 'vitest';
import { SimulatedClock } from '../../tests/simulation/clock.ts';
import type { Attempt } from '../runs/live-run.ts';
import { attemptOf, fakeRun } from './attempt.fixture.ts';
import { Dispatcher } from './dispatcher.ts';
import { Lanes } from './lanes.ts';
import type { Pools } from './pools.ts';
import { Reconciler } from './reconciler.ts';

/** A run with three attempts in a lane for one: the first runs, the others are queued. */
function subject() {
  const clock = new SimulatedClock(0);
  const lanes = new Lanes([{ name: 'world', concurrency: 1, actions: [] }]);
  const begun: string[] = [];
  const dispatcher = new Dispatcher({
    lanes,
    pools: {} as Pools,
    clock,
    begin: (attempt: Attempt) => void begun.push(attempt.task),
    observer: undefined,
  });
  const gate = { apply: () => undefined };
  const reconciler = new Reconciler({
    clock,
    dispatcher,
    lanes,
    gate,
    quiescent: () => Promise.resolve(),
  });
  const run = Object.assign(fakeRun(), { timers: new Map(), touchedAt: [] });
  const attempts = ['a', 'b', 'c'].map((task) => attemptOf({ run, task }));
  attempts.forEach((attempt, node) => {
    attempt.node = node;
    run.attempts[node] = attempt;
    dispatcher.enqueue(attempt);
  });
  return { begun, reconciler, run, attempts, lane: lanes.get('world') };
}

const ended = ({ attempts, lane }: ReturnType<typeof subject>) => [
  attempts.map(({ state, stop }) => `${state} ${stop ?? ''}`),
  lane.active,
];

it('begins nothing of a run that leaves memory', () => {
  const all = subject();
  all.reconciler.evict(all.run, false);
  expect(all.begun).toEqual(['a']);
  expect(ended(all)).toEqual([['closed drop', 'closed drop', 'closed drop'], 0]);
});

it('begins nothing that a restart has left out, with the places that others of them give back', () => {
  const all = subject();
  Object.assign(all.run.state, { graph: { index: new Map() } });
  all.reconciler.renumber(all.run, undefined);
  expect(all.begun).toEqual(['a']);
  expect(ended(all)).toEqual([['closed drop', 'closed drop', 'closed drop'], 0]);
});
