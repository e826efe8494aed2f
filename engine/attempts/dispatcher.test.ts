/** Attempts begin in order and as many as there is room for; what does not end keeps nobody out for ever. */
import { describe, expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import type { Observer } from '../observer.ts';
import type { Attempt } from '../runs/live-run.ts';
import { attemptOf } from './attempt.fixture.ts';
import { Dispatcher } from './dispatcher.ts';
import { Lanes } from './lanes.ts';
import type { Pools } from './pools.ts';

const WORLD = { name: 'world', concurrency: 2, actions: [] };

/** A dispatcher whose pools grant when the test says so. */
function subject(options: { concurrency?: number; onBegin?: (attempt: Attempt) => void } = {}) {
  const clock = new SimulatedClock(0);
  const begun: string[] = [];
  const waited: [string, number][] = [];
  const atPools: string[] = [];
  const waiting = new Set<Attempt>();
  const at = (step: string) => (attempt: Attempt) => void atPools.push(`${step} ${attempt.task}`);
  const pools = {
    wait: (attempt: Attempt) => void waiting.add(attempt),
    waits: (attempt: Attempt) => waiting.has(attempt),
    gate: () => ({ kind: 'pool', since: 0, message: 'waits for tape' }),
    resume: at('resume'),
    leave: at('leave'),
    part: at('part'),
    stop: () => undefined,
  } as unknown as Pools;
  const observer: Pick<Observer, 'begun'> = {
    begun: (_, task, waitedMs) => void waited.push([task, waitedMs]),
  };
  const lanes = new Lanes([{ ...WORLD, concurrency: options.concurrency ?? 2 }]);
  const begin = (attempt: Attempt): void => {
    begun.push(attempt.task);
    options.onBegin?.(attempt);
  };
  const dispatcher = new Dispatcher({
    lanes,
    pools,
    clock,
    begin,
    observer: observer as Observer,
  });
  const enqueue = (task: string, made: Parameters<typeof attemptOf>[0] = {}): Attempt => {
    const attempt = attemptOf({ task, since: clock.now(), ...made });
    dispatcher.enqueue(attempt);
    return attempt;
  };
  return { clock, begun, waited, atPools, dispatcher, lanes, enqueue, world: lanes.get('world') };
}

describe('a lane', () => {
  it('lets as many begin as it is wide, in order, and the next when one has finished', () => {
    const { begun, dispatcher, enqueue, world } = subject();
    const [a] = ['a', 'b', 'c', 'd'].map((task) => enqueue(task));
    expect(begun).toEqual(['a', 'b']);
    dispatcher.finish(a as Attempt);
    dispatcher.finish(a as Attempt);
    expect(begun).toEqual(['a', 'b', 'c']);
    expect([world.active, world.queue.size]).toEqual([2, 1]);
  });

  it('tells how long each has waited', async () => {
    const { clock, dispatcher, enqueue, waited } = subject({ concurrency: 1 });
    const a = enqueue('a');
    const b = enqueue('b');
    await clock.advance(70);
    dispatcher.finish(a);
    expect(waited).toEqual([
      ['a', 0],
      ['b', 70],
    ]);
    expect(b.since).toBe(70);
  });

  it('passes over what was dropped or halted while it was queued', () => {
    const { begun, dispatcher, enqueue } = subject({ concurrency: 1 });
    const a = enqueue('a');
    const b = enqueue('b');
    enqueue('c').halt('cancel');
    enqueue('d');
    dispatcher.close(b, false);
    dispatcher.finish(a);
    expect(begun).toEqual(['a', 'd']);
  });

  it('gives the place of one that is dropped to another', () => {
    const { begun, dispatcher, enqueue } = subject({ concurrency: 1 });
    const a = enqueue('a');
    enqueue('b');
    dispatcher.close(a, false);
    expect([a.state, begun]).toEqual(['closed', ['a', 'b']]);
  });

  it('counts what went on before this node took its run over, beyond its width too', () => {
    const { begun, dispatcher, enqueue, world } = subject({ concurrency: 1 });
    const taken = [attemptOf({ task: 'x', since: 3 }), attemptOf({ task: 'y', since: 4 })];
    for (const attempt of taken) dispatcher.resume(attempt);
    enqueue('a');
    expect([begun, world.active]).toEqual([['x', 'y'], 2]);
    expect(taken.map(({ since }) => since)).toEqual([3, 4]);
    dispatcher.finish(taken[0] as Attempt);
    expect(begun).toEqual(['x', 'y']);
    dispatcher.finish(taken[1] as Attempt);
    expect(begun).toEqual(['x', 'y', 'a']);
  });

  it('cannot be left by more than have entered it', () => {
    const { world } = subject();
    expect(() => world.leave()).toThrow('bug: more attempts have left a lane than were in it');
    expect(() => world.cameBack()).toThrow('bug: more calls have come back');
  });
});

describe('attempts that end at once', () => {
  it('let others have their turn, and all begin', async () => {
    const ended = subject({
      concurrency: 1,
      onBegin: (attempt) => ended.dispatcher.finish(attempt),
    });
    for (let n = 0; n < 2_400; n += 1) ended.enqueue(`t${n}`);
    expect(ended.begun).toHaveLength(1_000);
    await quiet();
    expect(ended.begun).toHaveLength(2_400);
  });
});

describe('a lane in which nothing ends', () => {
  it('lets one more begin each second, until as many again have begun', async () => {
    const { begun, clock, enqueue } = subject();
    for (const task of ['a', 'b', 'c', 'd', 'e', 'f']) enqueue(task);
    await clock.advance(999);
    expect(begun).toHaveLength(2);
    await clock.advance(1);
    expect(begun).toHaveLength(3);
    await clock.advance(10_000);
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('counts the second anew when something has ended', async () => {
    const { begun, clock, dispatcher, enqueue } = subject({ concurrency: 1 });
    const a = enqueue('a');
    for (const task of ['b', 'c']) enqueue(task);
    await clock.advance(600);
    dispatcher.finish(a);
    await clock.advance(400);
    expect(begun).toEqual(['a', 'b']);
    await clock.advance(1_000);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('is narrow again when those who began beyond its width have ended', async () => {
    const { clock, dispatcher, enqueue, world } = subject({ concurrency: 1 });
    const [a, b] = ['a', 'b'].map((task) => enqueue(task)) as [Attempt, Attempt];
    await clock.advance(1_000);
    expect([b.state, world.isFull]).toEqual(['running', true]);
    dispatcher.finish(a);
    expect([world.active, world.isFull]).toEqual([1, true]);
  });
});

describe('calls that were given up', () => {
  it('leave their places to others, as many as the lane is wide; each more takes one', () => {
    const { begun, dispatcher, enqueue, world } = subject({ concurrency: 1 });
    const tasks = ['a', 'b', 'c'].map((task) => enqueue(task)) as [Attempt, Attempt, Attempt];
    dispatcher.giveUp(tasks[0]);
    expect([begun, world.overdue]).toEqual([['a', 'b'], 1]);
    dispatcher.giveUp(tasks[1]);
    expect([begun, world.overdue]).toEqual([['a', 'b'], 2]);
    expect(dispatcher.gate(tasks[2]).message).toContain(
      '2 calls that were given up have not returned',
    );
    dispatcher.cameBack(tasks[0]);
    expect([begun, world.overdue]).toEqual([['a', 'b', 'c'], 1]);
  });
});

describe('an attempt that wants slots of pools', () => {
  const LIMITS = { lane: 'world', pools: { tape: 1 } };

  it('waits for them before it waits for its lane, and holds nobody else up', () => {
    const { begun, dispatcher, enqueue } = subject({ concurrency: 1 });
    const pooled = enqueue('pooled', { limits: LIMITS });
    expect(dispatcher.gate(pooled).kind).toBe('pool');
    enqueue('other');
    expect(begun).toEqual(['other']);
    dispatcher.ready(pooled);
    expect(begun).toEqual(['other']);
  });

  it('holds them until it is closed, or leaves them to whoever follows it when its run comes back', () => {
    const { atPools, dispatcher } = subject();
    const [first, second] = ['a', 'b'].map((task) => attemptOf({ task, limits: LIMITS }));
    for (const attempt of [first, second] as Attempt[]) dispatcher.resume(attempt);
    dispatcher.finish(first as Attempt);
    dispatcher.close(first as Attempt, false);
    dispatcher.close(second as Attempt, true);
    expect(atPools).toEqual(['resume a', 'resume b', 'leave a', 'part b']);
  });
});

describe('a node that stops', () => {
  it('begins nothing more, and says so', () => {
    const { begun, dispatcher, enqueue } = subject({ concurrency: 1 });
    const a = enqueue('a');
    const b = enqueue('b');
    expect(dispatcher.gate(b)).toMatchObject({ kind: 'capacity', on: 'world' });
    dispatcher.stop();
    dispatcher.finish(a);
    expect(begun).toEqual(['a']);
    expect(dispatcher.gate(b).message).toContain('this node is stopping');
  });
});
