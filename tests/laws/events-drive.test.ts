/** Laws 7 and 9, sleeping runs and slots: events drive, nothing sweeps, nothing leaks. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

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
    const harness = await EngineHarness.open();
    await harness.deploy(SLEEPER);
    await harness.start('sleeper');
    const before = new Map(harness.journal.calls);
    await harness.clock.advance(50 * 60_000);
    const after = new Map(harness.journal.calls);
    before.delete('renew');
    after.delete('renew');
    expect(after).toEqual(before);
  });

  it('keeps a sleeping run out of memory and wakes it at its time', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(SLEEPER);
    const run = await harness.start('sleeper');
    expect(harness.engine.gauges().runs).toBe(0);
    await harness.clock.advance(60 * 60_000 - 1);
    expect(harness.world.count('call')).toBe(0);
    await harness.clock.advance(1);
    expect(harness.world.count('call')).toBe(1);
    harness.world.take('call').answer({});
    await quiet();
    expect((await harness.view(run)).status).toBe('succeeded');
  });

  it('wakes a sleeping run on time after a crash', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(SLEEPER);
    await harness.start('sleeper');
    await harness.crash();
    expect(harness.engine.gauges().runs).toBe(0);
    await harness.clock.advance(60 * 60_000);
    expect(harness.world.count('call')).toBe(1);
  });

  it('brings a sleeping run back for a command', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(SLEEPER);
    const run = await harness.start('sleeper');
    await harness.submit({ type: 'CancelRun', run, by });
    expect((await harness.view(run)).status).toBe('cancelled');
    expect(harness.engine.gauges().runs).toBe(0);
  });

  it('wakes the children of runs that fill the memory', async () => {
    const harness = await EngineHarness.open({ mostRuns: 2 });
    await harness.deploy(SLEEPER);
    await harness.deploy(PARENT);
    const runs = [await harness.start('parent'), await harness.start('parent')];
    await quiet();
    // Their children sleep; they themselves wait for them, in memory.
    expect(harness.engine.gauges().runs).toBe(2);
    await harness.clock.advance(60 * 60_000);
    expect(harness.world.count('call')).toBe(2);
    for (const _ of runs) harness.world.take('call').answer({});
    await quiet();
    for (const run of runs) expect((await harness.view(run)).status).toBe('succeeded');
  });

  it('holds no more runs in memory than it may, and begins the others when there is room', async () => {
    const harness = await EngineHarness.open({ mostRuns: 2 });
    await harness.deploy(POOLED.replace('pool: db', 'timeout: 1h').replace('pools: { db: 2 }', ''));
    const runs: string[] = [];
    for (let i = 0; i < 5; i++) runs.push(await harness.start('pooled'));
    expect(harness.engine.gauges().runs).toBe(2);
    for (let i = 0; i < 5; i++) {
      harness.world.take('call').answer({});
      await harness.clock.advance(1);
    }
    for (const run of runs) expect((await harness.view(run)).status).toBe('succeeded');
  });
});

describe('what nobody works on', () => {
  it('keeps no room of its connector: a call that a person must decide, after a crash', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy('{workflow: shouting, tasks: {a: {action: world.shout}}}');
    await harness.deploy('{workflow: looking, tasks: {a: {action: world.look}}}');
    // As many as the connector runs at a time.
    for (let i = 0; i < 4; i++) await harness.start('shouting');
    await harness.crash();
    await harness.start('looking');
    expect(harness.world.count('call')).toBe(1);
  });

  it('stays in memory for no command that has nothing to record', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy('{workflow: asking, tasks: {a: {approve: {by: [desk]}}}}');
    const run = await harness.start('asking');
    expect((await harness.submit({ type: 'ReleaseRun', run, by })).refused).toBe(false);
    expect(harness.engine.gauges().runs).toBe(0);
  });
});

describe('a hold', () => {
  it('lets what is in the air go on, and starts nothing new', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(
      '{workflow: two, tasks: {a: {action: world.look}, b: {action: world.look, needs: [a]}}}',
    );
    const run = await harness.start('two');
    await harness.submit({ type: 'HoldRun', run, by });
    harness.world.take('call').answer({});
    await quiet();
    expect((await harness.task(run, 'a')).status).toBe('succeeded');
    expect((await harness.task(run, 'b')).status).toBe('held');
    expect(harness.world.count('call')).toBe(0);
    await harness.submit({ type: 'ReleaseRun', run, by });
    expect(harness.world.count('call')).toBe(1);
  });

  it('that comes before the intent is durable keeps the task from starting until its release', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy('{workflow: one, tasks: {a: {action: world.touch}}}');
    harness.journal.holdAppends();
    const started = harness.engine.door.commands.start({ workflow: 'one', inputs: {}, by });
    await quiet();
    harness.journal.letAppendsThrough();
    const answer = await started;
    const held = harness.submit({ type: 'HoldRun', run: answer.refused ? '' : answer.run, by });
    await held;
    const run = answer.refused ? '' : answer.run;
    const calls = harness.world.count('call');
    await harness.submit({ type: 'ReleaseRun', run, by });
    expect(calls + harness.world.count('call')).toBeGreaterThan(0);
    expect(harness.world.count('call')).toBe(1);
  });
});

describe('law 9, slots are leases', () => {
  it('never uses more slots than there are, and names the holder to who waits', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(POOLED);
    const first = await harness.start('pooled');
    await harness.start('pooled');
    const third = await harness.start('pooled');
    expect(harness.world.count('call')).toBe(2);
    const [gate] = (await harness.task(third, 'work')).gates;
    expect(gate?.kind).toBe('pool');
    expect(gate?.message).toContain(first);
    harness.world.take('call').answer({});
    await quiet();
    expect(harness.world.count('call')).toBe(2);
  });

  it.each(['CancelRun', 'SkipTask', 'ForceTask'] as const)(
    'gives the slot back after %s',
    async (type) => {
      const harness = await EngineHarness.open();
      await harness.deploy(POOLED);
      const runs = [await harness.start('pooled'), await harness.start('pooled')];
      await harness.start('pooled');
      const command = type === 'ForceTask' ? ({ type, as: 'failed' } as const) : { type };
      await harness.submit({ ...command, run: runs[0] ?? '', task: 'work', by });
      expect(harness.world.count('call')).toBe(3);
    },
  );

  it('counts what was running before a crash', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(POOLED.replace('world.look', 'world.work'));
    await harness.start('pooled');
    await harness.start('pooled');
    await harness.start('pooled');
    await harness.crash();
    expect(harness.world.count('locate')).toBe(2);
    expect(harness.world.count('submit')).toBe(0);
  });
});
