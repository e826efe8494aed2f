/** Laws 7 and 9, sleeping runs and slots: events drive, nothing sweeps, nothing leaks. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, Stage } from '../simulation/stage.ts';

const SLEEPER = `
workflow: sleeper
tasks:
  nap: { wait: 1h }
  work: { action: world.look, needs: [nap] }
`;
const POOLED = `
workflow: pooled
pools: { db: 2 }
tasks:
  work: { action: world.look, pool: db }
`;

const PARENT = `
workflow: parent
tasks:
  child: { workflow: sleeper }
`;

describe('law 7, events drive', () => {
  it('asks the journal nothing while nothing happens', async () => {
    const stage = await Stage.open();
    await stage.deploy(SLEEPER);
    await stage.start('sleeper');
    const before = new Map(stage.journal.calls);
    await stage.clock.advance(50 * 60_000);
    const after = new Map(stage.journal.calls);
    before.delete('renew');
    after.delete('renew');
    expect(after).toEqual(before);
  });

  it('keeps a sleeping run out of memory and wakes it at its time', async () => {
    const stage = await Stage.open();
    await stage.deploy(SLEEPER);
    const run = await stage.start('sleeper');
    expect(stage.engine.gauges().runs).toBe(0);
    await stage.clock.advance(60 * 60_000 - 1);
    expect(stage.world.count('call')).toBe(0);
    await stage.clock.advance(1);
    expect(stage.world.count('call')).toBe(1);
    stage.world.take('call').answer({});
    await quiet();
    expect((await stage.view(run)).status).toBe('succeeded');
  });

  it('wakes a sleeping run on time after a crash', async () => {
    const stage = await Stage.open();
    await stage.deploy(SLEEPER);
    await stage.start('sleeper');
    await stage.crash();
    expect(stage.engine.gauges().runs).toBe(0);
    await stage.clock.advance(60 * 60_000);
    expect(stage.world.count('call')).toBe(1);
  });

  it('brings a sleeping run back for a command', async () => {
    const stage = await Stage.open();
    await stage.deploy(SLEEPER);
    const run = await stage.start('sleeper');
    await stage.submit({ type: 'CancelRun', run, by });
    expect((await stage.view(run)).status).toBe('cancelled');
    expect(stage.engine.gauges().runs).toBe(0);
  });

  it('wakes the children of runs that fill the memory', async () => {
    const stage = await Stage.open({ mostRuns: 2 });
    await stage.deploy(SLEEPER);
    await stage.deploy(PARENT);
    const runs = [await stage.start('parent'), await stage.start('parent')];
    await quiet();
    // Their children sleep; they themselves wait for them, in memory.
    expect(stage.engine.gauges().runs).toBe(2);
    await stage.clock.advance(60 * 60_000);
    expect(stage.world.count('call')).toBe(2);
    for (const _ of runs) stage.world.take('call').answer({});
    await quiet();
    for (const run of runs) expect((await stage.view(run)).status).toBe('succeeded');
  });

  it('holds no more runs in memory than it may, and begins the others when there is room', async () => {
    const stage = await Stage.open({ mostRuns: 2 });
    await stage.deploy(POOLED.replace('pool: db', 'timeout: 1h').replace('pools: { db: 2 }', ''));
    const runs: string[] = [];
    for (let i = 0; i < 5; i++) runs.push(await stage.start('pooled'));
    expect(stage.engine.gauges().runs).toBe(2);
    for (let i = 0; i < 5; i++) {
      stage.world.take('call').answer({});
      await stage.clock.advance(1);
    }
    for (const run of runs) expect((await stage.view(run)).status).toBe('succeeded');
  });
});

describe('what nobody works on', () => {
  it('keeps no room of its connector: a call that a person must decide, after a crash', async () => {
    const stage = await Stage.open();
    await stage.deploy('{workflow: shouting, tasks: {a: {action: world.shout}}}');
    await stage.deploy('{workflow: looking, tasks: {a: {action: world.look}}}');
    // As many as the connector runs at a time.
    for (let i = 0; i < 4; i++) await stage.start('shouting');
    await stage.crash();
    await stage.start('looking');
    expect(stage.world.count('call')).toBe(1);
  });

  it('stays in memory for no command that has nothing to record', async () => {
    const stage = await Stage.open();
    await stage.deploy('{workflow: asking, tasks: {a: {approve: {by: [desk]}}}}');
    const run = await stage.start('asking');
    expect((await stage.submit({ type: 'ReleaseRun', run, by })).refused).toBe(false);
    expect(stage.engine.gauges().runs).toBe(0);
  });
});

describe('a hold', () => {
  it('lets what is in the air go on, and starts nothing new', async () => {
    const stage = await Stage.open();
    await stage.deploy(
      '{workflow: two, tasks: {a: {action: world.look}, b: {action: world.look, needs: [a]}}}',
    );
    const run = await stage.start('two');
    await stage.submit({ type: 'HoldRun', run, by });
    stage.world.take('call').answer({});
    await quiet();
    expect((await stage.task(run, 'a')).status).toBe('succeeded');
    expect((await stage.task(run, 'b')).status).toBe('held');
    expect(stage.world.count('call')).toBe(0);
    await stage.submit({ type: 'ReleaseRun', run, by });
    expect(stage.world.count('call')).toBe(1);
  });

  it('that comes before the intent is durable keeps the task from starting until its release', async () => {
    const stage = await Stage.open();
    await stage.deploy('{workflow: one, tasks: {a: {action: world.touch}}}');
    stage.journal.holdAppends();
    const started = stage.engine.door.start({ workflow: 'one', inputs: {}, by });
    await quiet();
    stage.journal.letAppendsThrough();
    const answer = await started;
    const held = stage.submit({ type: 'HoldRun', run: answer.refused ? '' : answer.run, by });
    await held;
    const run = answer.refused ? '' : answer.run;
    const calls = stage.world.count('call');
    await stage.submit({ type: 'ReleaseRun', run, by });
    expect(calls + stage.world.count('call')).toBeGreaterThan(0);
    expect(stage.world.count('call')).toBe(1);
  });
});

describe('law 9, slots are leases', () => {
  it('never uses more slots than there are, and names the holder to who waits', async () => {
    const stage = await Stage.open();
    await stage.deploy(POOLED);
    const first = await stage.start('pooled');
    await stage.start('pooled');
    const third = await stage.start('pooled');
    expect(stage.world.count('call')).toBe(2);
    const [gate] = (await stage.task(third, 'work')).gates;
    expect(gate?.kind).toBe('pool');
    expect(gate?.words).toContain(first);
    stage.world.take('call').answer({});
    await quiet();
    expect(stage.world.count('call')).toBe(2);
  });

  it.each(['CancelRun', 'SkipTask', 'ForceTask'] as const)(
    'gives the slot back after %s',
    async (type) => {
      const stage = await Stage.open();
      await stage.deploy(POOLED);
      const runs = [await stage.start('pooled'), await stage.start('pooled')];
      await stage.start('pooled');
      const command = type === 'ForceTask' ? ({ type, as: 'failed' } as const) : { type };
      await stage.submit({ ...command, run: runs[0] ?? '', task: 'work', by });
      expect(stage.world.count('call')).toBe(3);
    },
  );

  it('counts what was running before a crash', async () => {
    const stage = await Stage.open();
    await stage.deploy(POOLED.replace('world.look', 'world.work'));
    await stage.start('pooled');
    await stage.start('pooled');
    await stage.start('pooled');
    await stage.crash();
    expect(stage.world.count('locate')).toBe(2);
    expect(stage.world.count('submit')).toBe(0);
  });
});
