/** What passes the gate: what it writes, and what follows from it, in which order and not before it is durable. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../../tests/simulation/clock.ts';
import { START } from '../../kernel/run/definition.fixture.ts';
import { isAtRest } from '../../kernel/run/machine.ts';
import type { ParentTask } from '../../model/run.ts';
import {
  by,
  CHAIN,
  complete,
  fail,
  hold,
  HOUR_MS,
  release,
  start,
  subject,
  UNWRITABLE,
} from './run-gate.fixture.ts';

describe('a run that begins', () => {
  it('is in memory at once, and nothing follows from it before its start is durable', async () => {
    const { journal, runs, begin, heard } = await subject(CHAIN, { isWatched: true });
    journal.holdAppends();
    begin('r1');
    await quiet();
    expect([heard, [...runs.memory.live.keys()]]).toEqual([[], ['r1']]);
    journal.letAppendsThrough();
    await quiet();
    expect(heard).toEqual([
      'decided r1: RunStarted',
      'told begin',
      'follow r1: 0',
      'durable r1: 1',
      'timer r1',
    ]);
    expect(journal.batches[0]?.starts).toMatchObject([{ id: 'r1', wakeAt: null, total: 2 }]);
  });

  it('is no node’s where memory is full: it is written, and nothing follows from it here', async () => {
    const { journal, runs, begin, heard } = await subject(CHAIN);
    begin('r1', { full: true });
    await quiet();
    expect(heard).toEqual(['told begin', 'durable r1: 1']);
    expect(runs.memory.live.size).toBe(0);
    expect(journal.batches[0]?.starts).toMatchObject([{ unowned: true, wakeAt: START }]);
  });

  it('is this node’s where memory is full, and written with its end, when it is over at once', async () => {
    const { journal, begin, heard } = await subject({ a: { when: 'false' } });
    begin('r1', { full: true });
    await quiet();
    const [batch] = journal.batches;
    expect(batch?.starts).toMatchObject([{ id: 'r1' }]);
    expect(batch?.starts[0]?.unowned).toBeUndefined();
    expect(batch?.updates).toMatchObject([{ run: 'r1', endedAt: START }]);
    expect(heard.slice(-3)).toEqual(['evict r1', 'unloaded for good', 'ended r1']);
  });

  it('leaves memory when it cannot be written', async () => {
    const { runs, begin, heard } = await subject(CHAIN);
    expect(() => begin('r1', { inputs: { n: UNWRITABLE } })).toThrow(TypeError);
    await quiet();
    expect(runs.memory.live.size).toBe(0);
    expect(heard).toEqual(['evict r1', 'unloaded for good']);
  });
});

describe('a command', () => {
  it('is followed entry by entry, in order, and by nothing before it is durable', async () => {
    const { journal, begun, apply, heard } = await subject(CHAIN);
    const run = await begun('r1');
    journal.holdAppends();
    apply(run, start('a'));
    apply(run, complete('a'));
    await quiet();
    expect(heard).toEqual([]);
    journal.letAppendsThrough();
    await quiet();
    expect(heard).toEqual([
      'told StartTask',
      'follow r1: 0',
      'told CompleteTask',
      'follow r1: 0 1',
      'durable r1: 3',
      'timer r1',
    ]);
  });

  it('that is refused writes nothing, and nothing is told later', async () => {
    const { journal, begun, apply, heard } = await subject(CHAIN);
    const run = await begun('r1');
    expect(apply(run, { type: 'HoldTask', run: 'r1', by, task: 'c' })).toMatchObject({
      code: 'task.unknown',
    });
    await quiet();
    expect([heard, journal.batches.length]).toEqual([[], 1]);
  });

  it('without effect is told at once, but not before what it finds is durable', async () => {
    const { journal, begun, apply, heard } = await subject(CHAIN);
    const run = await begun('r1');
    journal.holdAppends();
    apply(run, hold);
    await quiet();
    apply(run, hold);
    await quiet();
    expect(heard).toEqual([]);
    journal.letAppendsThrough();
    await quiet();
    expect(heard.filter((line) => line.startsWith('told'))).toEqual([
      'told HoldRun',
      'told HoldRun',
    ]);
    heard.splice(0);
    apply(run, hold);
    expect(heard).toEqual(['told HoldRun']);
  });

  it('writes the row of the run only when that has changed', async () => {
    const { journal, begun, apply } = await subject(CHAIN);
    const run = await begun('r1');
    apply(run, start('a'));
    await quiet();
    apply(run, hold);
    await quiet();
    expect(journal.batches.map(({ updates }) => updates.map(({ status }) => status))).toEqual([
      [],
      [],
      ['held'],
    ]);
  });

  it('that cannot be written is thrown, and the run comes back as the journal has it', async () => {
    const { journal, runs, begun, apply, heard } = await subject(CHAIN);
    const run = await begun('r1');
    journal.holdAppends();
    apply(run, start('a'));
    await quiet();
    expect(() => apply(run, complete('a', UNWRITABLE))).toThrow(TypeError);
    await quiet();
    // What it had decided before is on its way: until that is written it stays away.
    expect(heard).toEqual(['evict r1, back', 'unloaded for good']);
    journal.letAppendsThrough();
    await quiet();
    expect(heard.slice(2)).toEqual(['told StartTask', 'durable r1: 2', 'adopt r1']);
    const back = runs.memory.live.get('r1');
    expect(back === run).toBe(false);
    expect(back?.state).toMatchObject({ seq: 2, ended: 0 });
  });
});

describe('a run with nothing to do', () => {
  it('leaves memory when its end is durable, and then its parent hears of it', async () => {
    const { journal, runs, begun, apply, heard } = await subject({ a: {} });
    const run = await begun('r1');
    journal.holdAppends();
    apply(run, complete('a'));
    await quiet();
    expect([heard, run.resident]).toEqual([[], true]);
    journal.letAppendsThrough();
    await quiet();
    expect(heard).toEqual([
      'told CompleteTask',
      'follow r1: 0',
      'durable r1: 3',
      'evict r1',
      'unloaded for good',
      'ended r1',
    ]);
    expect(runs.memory.live.size).toBe(0);
  });

  it('sleeps once that is written, and is not followed any more', async () => {
    const { journal, begun, begin, heard, apply } = await subject({
      a: {},
      nap: { wait: HOUR_MS, needs: ['a'] },
    });
    const run = await begun('r1');
    apply(run, complete('a'));
    await quiet();
    expect(heard).toEqual([
      'told CompleteTask',
      'durable r1: 3',
      'evict r1',
      `unloaded ${HOUR_MS}`,
    ]);
    expect(journal.batches.at(-1)?.updates).toMatchObject([{ wakeAt: START + HOUR_MS }]);
    begin('r2');
    await quiet();
    expect(heard.at(-1)).toBe('timer r2');
  });

  it('stays when something has come that is not written yet', async () => {
    const { journal, begun, apply, heard } = await subject(CHAIN);
    const run = await begun('r1');
    journal.holdAppends();
    apply(run, hold);
    await quiet();
    apply(run, release);
    journal.letAppendsThrough();
    await quiet();
    expect(heard).toEqual([
      'told HoldRun',
      'follow r1: 0 1',
      'durable r1: 2',
      'told ReleaseRun',
      'follow r1: 0 1',
      'durable r1: 3',
      'timer r1',
    ]);
  });

  it('says anew when it ended, when it ends once more as before', async () => {
    const { clock, journal, begun, apply, live } = await subject({ a: {}, b: {} });
    const run = await begun('r1');
    apply(run, fail('a'));
    apply(run, fail('b'));
    await quiet();
    await clock.advance(HOUR_MS);
    const force = { type: 'ForceTask', run: 'r1', by, task: 'a', as: 'succeeded' } as const;
    apply(await live('r1'), force);
    await quiet();
    const last = journal.batches.at(-1)?.updates;
    expect(last).toMatchObject([{ status: 'failed', failed: 1, endedAt: START + HOUR_MS }]);
  });

  it('sleeps later when it is large: not before all of it is in the journal', async () => {
    const rest = Array.from({ length: 1_000 }, (_, at) => [`t${at}`, { needs: ['nap'] }] as const);
    const nap = { wait: HOUR_MS, needs: ['a'] };
    const { journal, begun, apply, heard } = await subject({
      a: {},
      nap,
      ...Object.fromEntries(rest),
    });
    const run = await begun('r1');
    apply(run, start('a'));
    apply(run, complete('a'));
    await quiet();
    const wakeAts = journal.batches.map(({ updates }) => updates.map(({ wakeAt }) => wakeAt));
    expect(wakeAts).toEqual([[], [], [START + HOUR_MS]]);
    expect(heard.slice(-2)).toEqual(['evict r1', `unloaded ${HOUR_MS}`]);
  });

  it('is woken when it is due: the journal says so before the waker hears that it is back', async () => {
    const { clock, journal, begin, heard, gate } = await subject(
      { nap: { wait: HOUR_MS } },
      { isWatched: true },
    );
    begin('r1');
    await quiet();
    await clock.advance(HOUR_MS + 5);
    heard.splice(0);
    journal.holdAppends();
    const woken = gate.wakeAll(['r1']).then((left) => heard.push(`left ${left.length}`));
    await quiet();
    expect(heard).toEqual(['adopt r1', 'woken 5 late']);
    journal.letAppendsThrough();
    await woken;
    await quiet();
    expect(heard.filter((line) => !line.startsWith('decided'))).toEqual([
      'adopt r1',
      'woken 5 late',
      'follow r1: ',
      'durable r1: 2',
      'timer r1',
      'left 0',
    ]);
    expect(journal.batches.at(-1)).toMatchObject({ events: [], updates: [{ wakeAt: null }] });
  });

  it('is not woken when it is over by then', async () => {
    const { journal, runs, begun, apply, gate } = await subject({ a: {} });
    apply(await begun('r1'), complete('a'));
    await quiet();
    expect(await gate.wakeAll(['r1'])).toEqual([]);
    expect([runs.memory.live.size, journal.batches.length]).toEqual([0, 2]);
  });
});

describe('what a step leaves undecided', () => {
  const SKIPPED = {
    a: {},
    b: { when: 'false', needs: ['a'] },
    c: { when: 'false' },
    d: { when: 'false' },
  };

  it('is decided when others have had their turn', async () => {
    const { begin, runs, heard } = await subject(SKIPPED, { settledAtOnce: 1 });
    begin('r1');
    const run = runs.memory.live.get('r1');
    if (run === undefined) throw new Error('it is not there');
    expect(isAtRest(run.state)).toBe(false);
    await quiet();
    expect(isAtRest(run.state)).toBe(true);
    expect(heard[0]).toBe('told begin');
  });

  it('is decided once where the run left memory before its turn, and came back', async () => {
    const { journal, begin, runs, apply } = await subject(SKIPPED, { settledAtOnce: 1 });
    begin('r1');
    const run = runs.memory.live.get('r1');
    if (run === undefined) throw new Error('it is not there');
    expect(() => apply(run, complete('a', UNWRITABLE))).toThrow(TypeError);
    await quiet();
    const back = runs.memory.live.get('r1');
    expect(back === run).toBe(false);
    expect(back?.state.ended).toBe(2);
    const seqs = journal.batches.flatMap(({ events }) => events.map(({ seq }) => seq));
    expect(seqs).toEqual(seqs.map((_, at) => at));
  });

  it('is left where the node stops, and decided by whoever loads the run', async () => {
    const { begin, runs, open, heard } = await subject(SKIPPED, { settledAtOnce: 1 });
    begin('r1');
    runs.stop();
    await quiet();
    expect(runs.memory.live.get('r1')?.state.ended).toBeLessThan(2);
    heard.splice(0);
    const run = await (await open()).memory.load('r1');
    await quiet();
    expect(run?.state.ended).toBe(2);
    expect(heard[0]).toBe('adopt r1');
  });
});

describe('a restart', () => {
  it('is told by what the world makes of it, when it is durable', async () => {
    const { begun, apply, live, heard } = await subject({ a: {} });
    apply(await begun('r1'), fail('a'));
    await quiet();
    const run = await live('r1');
    apply(run, { type: 'RestartRun', run: 'r1', by });
    expect(heard).toEqual(['renumber r1']);
    await quiet();
    expect(heard.slice(1, 4)).toEqual(['renumbered r1', 'told RestartRun', 'follow r1: 0']);
  });

  it('of a child is heard of by its parent when it is durable, and when the run is loaded', async () => {
    const { begun, apply, live, heard, open, runs } = await subject({ a: {} });
    const parent = { run: 'p', task: 't', attempt: 1, root: 'p', depth: 1 } as ParentTask;
    apply(await begun('r1', { parent }), fail('a'));
    await quiet();
    apply(await live('r1'), { type: 'RestartRun', run: 'r1', by });
    expect(heard).not.toContain('reopened r1');
    await quiet();
    expect(heard.indexOf('reopened r1')).toBeGreaterThan(heard.indexOf('told RestartRun'));
    runs.stop();
    heard.splice(0);
    await (await open()).memory.load('r1');
    expect(heard).toEqual(['adopt r1', 'reopened r1']);
  });
});

describe('a closed gate', () => {
  it('lets what is on its way be told, and begins nothing, once the node stops', async () => {
    const { journal, begun, apply, runs, heard } = await subject({ a: {} });
    const run = await begun('r1');
    journal.holdAppends();
    apply(run, complete('a'));
    await quiet();
    runs.stop();
    journal.letAppendsThrough();
    await quiet();
    expect(heard).toEqual(['stop', 'told CompleteTask', 'durable r1: 3']);
  });

  it('refuses what comes after a fence, and says so once', async () => {
    const { journal, begun, apply, heard, runs } = await subject(CHAIN);
    const run = await begun('r1');
    journal.loseNames();
    await journal.register('a', 60_000, null);
    apply(run, hold);
    await quiet();
    expect(heard).toEqual([
      'told HoldRun: node.fenced',
      'evict r1',
      'unloaded for good',
      'fenced node.fenced',
    ]);
    expect(runs.memory.live.size).toBe(0);
    heard.splice(0);
    apply(run, release);
    expect(heard).toEqual(['told ReleaseRun: node.fenced']);
    expect(journal.batches).toHaveLength(1);
  });

  it('tells the refusal of the journal to its caller only: the run comes back, and the rest goes on', async () => {
    const { journal, begun, apply, heard, runs } = await subject(CHAIN, { isWatched: true });
    const [run, other] = [await begun('r1'), await begun('r2')];
    journal.poison.set('r1', 1);
    apply(run, hold);
    apply(other, { ...start('a'), run: 'r2' });
    await quiet();
    const of = (id: string) => heard.filter((line) => line.includes(id));
    expect(of('r1')).toEqual(['evict r1, back', 'adopt r1']);
    expect(of('r2')).toEqual([
      'decided r2: TaskStarted',
      'follow r2: 0',
      'durable r2: 2',
      'timer r2',
    ]);
    expect(heard.filter((line) => line.startsWith('told'))).toEqual([
      'told HoldRun: write.refused',
      'told StartTask',
    ]);
    heard.splice(0);
    apply(runs.memory.live.get('r1') ?? run, hold);
    await quiet();
    expect(heard).toContain('told HoldRun');
  });

  it('is closed for a run whose own step is refused twice, until somebody repairs it', async () => {
    const { journal, begun, apply, heard, runs, gate } = await subject(CHAIN, { isWatched: true });
    await begun('r1');
    for (let times = 0; times < 2; times += 1) {
      const run = runs.memory.live.get('r1');
      if (run === undefined) throw new Error('it is not there');
      journal.poison.set('r1', 1);
      apply(run, complete('a'));
      await quiet();
    }
    expect(heard.filter((line) => /^(adopt|set-aside)/.test(line))).toEqual([
      'adopt r1',
      'set-aside',
    ]);
    await expect(runs.memory.load('r1')).rejects.toMatchObject({ code: 'run.set-aside' });
    expect(await gate.returnToService('r1')).toBe(true);
    expect(heard.at(-1)).toBe('adopt r1');
  });
});
