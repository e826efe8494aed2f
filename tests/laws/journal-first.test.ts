/** Laws 1, 2, 4 and 5: one door, one book, journal first, group commit. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

const CHAIN = `
workflow: chain
tasks:
  a: { action: world.look }
  b: { action: world.look, needs: [a] }
`;
const TOUCH = `
workflow: touch
tasks:
  a: { action: world.touch }
`;

describe('law 4, journal first', () => {
  it('answers a start only when it is durable', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(CHAIN);
    harness.journal.holdAppends();
    let answered = false;
    const start = harness.engine.door.commands
      .start({ workflow: 'chain', inputs: {}, by })
      .finally(() => {
        answered = true;
      });
    await quiet();
    expect(answered).toBe(false);
    expect(harness.world.asked).toEqual([]);
    harness.journal.letAppendsThrough();
    await start;
    await quiet();
    expect(harness.world.count('call')).toBe(1);
  });

  it('starts a dependent only when the end of its source is durable', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(CHAIN);
    await harness.start('chain');
    harness.journal.holdAppends();
    harness.world.take('call').answer({});
    await quiet();
    expect(harness.world.count('call')).toBe(0);
    harness.journal.letAppendsThrough();
    await quiet();
    expect(harness.world.take('call').key).toContain(':b:1');
  });

  it('makes the intent of a non-idempotent call durable before the call', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(TOUCH);
    const run = await harness.start('touch');
    expect(harness.types(run)).toEqual(['RunStarted', 'TaskStarted']);
    const other = await EngineHarness.open({ nodeName: 'node-b' });
    await other.deploy(TOUCH);
    other.journal.holdAppends();
    void other.engine.door.commands.start({ workflow: 'touch', inputs: {}, by });
    await quiet();
    expect(other.world.asked).toEqual([]);
  });

  it('does not start a task that was held before its readiness was durable', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(CHAIN);
    const run = await harness.start('chain');
    harness.journal.holdAppends();
    harness.world.take('call').answer({});
    await quiet();
    const held = harness.engine.door.commands.submit({ type: 'HoldTask', run, task: 'b', by });
    await quiet();
    harness.journal.letAppendsThrough();
    await held;
    await quiet();
    expect(harness.world.count('call')).toBe(0);
    await harness.submit({ type: 'ReleaseTask', run, task: 'b', by });
    expect(harness.world.count('call')).toBe(1);
  });
});

it('law 4: a timer that a rerun has overtaken lets nothing leave', async () => {
  const harness = await EngineHarness.open();
  await harness.deploy(
    '{workflow: again, tasks: {a: {action: world.look, retry: {attempts: 3, delay: 1s}}}}',
  );
  const run = await harness.start('again');
  harness.world.take('call').fail({ class: 'transient', code: 'busy', message: 'busy' });
  await quiet();
  harness.journal.holdAppends();
  const rerun = harness.engine.door.commands.submit({ type: 'RerunTask', run, task: 'a', by });
  await harness.clock.advance(1_500);
  expect(harness.world.count('call')).toBe(0);
  harness.journal.letAppendsThrough();
  expect((await rerun).refused).toBe(false);
  await quiet();
  expect(harness.world.take('call').key).toContain(':a:2');
});

describe('a stop', () => {
  it('waits for what is on its way to the journal, but not for ever', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(CHAIN);
    harness.journal.holdAppends();
    const start = harness.engine.door.commands.start({ workflow: 'chain', inputs: {}, by });
    start.catch(() => undefined);
    await quiet();
    let stopped = false;
    const stop = harness.engine.stop().finally(() => {
      stopped = true;
    });
    await harness.clock.advance(9_000);
    expect(stopped).toBe(false);
    await harness.clock.advance(20_000);
    await stop;
    harness.journal.letAppendsThrough();
    // The lease was given back before the journal could take it: nothing stands there, and the caller hears so.
    await expect(start).rejects.toMatchObject({ code: 'node.stopping' });
    expect(harness.journal.rows.size).toBe(0);
  });
});

describe('law 5, group commit', () => {
  it('gathers the events of all runs while appends are under way', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(CHAIN);
    harness.journal.holdAppends();
    const starts = Array.from({ length: 50 }, () =>
      harness.engine.door.commands.start({ workflow: 'chain', inputs: {}, by }),
    );
    await quiet();
    harness.journal.letAppendsThrough();
    await Promise.all(starts);
    expect(harness.journal.batches.length).toBeLessThanOrEqual(
      harness.journal.appendConcurrency + 1,
    );
    expect(harness.journal.rows.size).toBe(50);
  });

  it('writes what is large in batches that have a bound', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(`inputs:\n  text: string\n${CHAIN}`);
    harness.journal.holdAppends();
    const text = 'x'.repeat(900_000);
    const starts = Array.from({ length: 40 }, () =>
      harness.engine.door.commands.start({ workflow: 'chain', inputs: { text }, by }),
    );
    await quiet();
    harness.journal.letAppendsThrough();
    await Promise.all(starts);
    expect(harness.journal.rows.size).toBe(40);
    const sizes = harness.journal.batches.map(({ events }) =>
      events.reduce((sum, { data }) => sum + data.length, 0),
    );
    // Five million characters, and what the last of them may have more.
    expect(Math.max(...sizes)).toBeLessThan(6_000_000);
  });

  it('keeps the events of one run in order on several connections', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(`
workflow: wide
tasks:
${Array.from({ length: 30 }, (_, i) => `  t${i}: { action: tutti-free }`)
  .join('\n')
  .replaceAll('tutti-free', 'world.look')}
`);
    harness.world.standing.set('call', (question) => question.answer({}));
    const run = await harness.start('wide');
    await quiet(60);
    // The journal in memory throws on a gap or a swap.
    expect((await harness.view(run)).status).toBe('succeeded');
  });
});

describe('laws 1 and 2, one door and one book', () => {
  it('gives back the state from the journal alone', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(CHAIN);
    const run = await harness.start('chain');
    harness.world.take('call').answer({ rows: 3 });
    await quiet();
    const before = await harness.view(run);
    await harness.crash();
    const after = await harness.view(run);
    expect(after.taskViews.map(({ task, status, output }) => ({ task, status, output }))).toEqual(
      before.taskViews.map(({ task, status, output }) => ({ task, status, output })),
    );
    harness.world.take('call').answer({});
    await quiet();
    expect((await harness.view(run)).status).toBe('succeeded');
  });

  it('refuses a second run of one key and writes nothing of it', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(CHAIN);
    const request = { workflow: 'chain', inputs: {}, key: '2026-01-01', by };
    const [first, second] = await Promise.all([
      harness.engine.door.commands.start(request),
      harness.engine.door.commands.start(request),
    ]);
    expect([first.refused, second.refused]).toEqual([false, true]);
    expect(second.refused && second.code).toBe('run.exists');
    expect(harness.journal.rows.size).toBe(1);
  });
});
