/** Laws 1, 2, 4 and 5: one door, one book, journal first, group commit. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, Stage } from '../simulation/stage.ts';

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
    const stage = await Stage.open();
    await stage.deploy(CHAIN);
    stage.journal.holdAppends();
    let answered = false;
    const start = stage.engine.door.start({ workflow: 'chain', inputs: {}, by }).finally(() => {
      answered = true;
    });
    await quiet();
    expect(answered).toBe(false);
    expect(stage.world.asked).toEqual([]);
    stage.journal.letAppendsThrough();
    await start;
    await quiet();
    expect(stage.world.count('call')).toBe(1);
  });

  it('starts a dependent only when the end of its source is durable', async () => {
    const stage = await Stage.open();
    await stage.deploy(CHAIN);
    await stage.start('chain');
    stage.journal.holdAppends();
    stage.world.take('call').answer({});
    await quiet();
    expect(stage.world.count('call')).toBe(0);
    stage.journal.letAppendsThrough();
    await quiet();
    expect(stage.world.take('call').key).toContain(':b:1');
  });

  it('makes the intent of a non-idempotent call durable before the call', async () => {
    const stage = await Stage.open();
    await stage.deploy(TOUCH);
    const run = await stage.start('touch');
    expect(stage.types(run)).toEqual(['RunStarted', 'TaskStarted']);
    const other = await Stage.open({ nodeName: 'node-b' });
    await other.deploy(TOUCH);
    other.journal.holdAppends();
    void other.engine.door.start({ workflow: 'touch', inputs: {}, by });
    await quiet();
    expect(other.world.asked).toEqual([]);
  });

  it('does not start a task that was held before its readiness was durable', async () => {
    const stage = await Stage.open();
    await stage.deploy(CHAIN);
    const run = await stage.start('chain');
    stage.journal.holdAppends();
    stage.world.take('call').answer({});
    await quiet();
    const held = stage.engine.door.submit({ type: 'HoldTask', run, task: 'b', by });
    await quiet();
    stage.journal.letAppendsThrough();
    await held;
    await quiet();
    expect(stage.world.count('call')).toBe(0);
    await stage.submit({ type: 'ReleaseTask', run, task: 'b', by });
    expect(stage.world.count('call')).toBe(1);
  });
});

it('law 4: a timer that a rerun has overtaken lets nothing leave', async () => {
  const stage = await Stage.open();
  await stage.deploy(
    '{workflow: again, tasks: {a: {action: world.look, retry: {attempts: 3, delay: 1s}}}}',
  );
  const run = await stage.start('again');
  stage.world.take('call').fail({ class: 'transient', code: 'busy', message: 'busy' });
  await quiet();
  stage.journal.holdAppends();
  const rerun = stage.engine.door.submit({ type: 'RerunTask', run, task: 'a', by });
  await stage.clock.advance(1_500);
  expect(stage.world.count('call')).toBe(0);
  stage.journal.letAppendsThrough();
  expect((await rerun).refused).toBe(false);
  await quiet();
  expect(stage.world.take('call').key).toContain(':a:2');
});

describe('a stop', () => {
  it('waits for what is on its way to the book, but not for ever', async () => {
    const stage = await Stage.open();
    await stage.deploy(CHAIN);
    stage.journal.holdAppends();
    const start = stage.engine.door.start({ workflow: 'chain', inputs: {}, by });
    start.catch(() => undefined);
    await quiet();
    let stopped = false;
    const stop = stage.engine.stop().finally(() => {
      stopped = true;
    });
    await stage.clock.advance(9_000);
    expect(stopped).toBe(false);
    await stage.clock.advance(20_000);
    await stop;
    stage.journal.letAppendsThrough();
    // The lease was given back before the book could take it: nothing stands there, and the caller hears so.
    await expect(start).rejects.toMatchObject({ code: 'node.stopping' });
    expect(stage.journal.rows.size).toBe(0);
  });
});

describe('law 5, group commit', () => {
  it('gathers the events of all runs while appends are under way', async () => {
    const stage = await Stage.open();
    await stage.deploy(CHAIN);
    stage.journal.holdAppends();
    const starts = Array.from({ length: 50 }, () =>
      stage.engine.door.start({ workflow: 'chain', inputs: {}, by }),
    );
    await quiet();
    stage.journal.letAppendsThrough();
    await Promise.all(starts);
    expect(stage.journal.batches.length).toBeLessThanOrEqual(stage.journal.width + 1);
    expect(stage.journal.rows.size).toBe(50);
  });

  it('writes what is large in batches that have a bound', async () => {
    const stage = await Stage.open();
    await stage.deploy(`inputs:\n  text: string\n${CHAIN}`);
    stage.journal.holdAppends();
    const text = 'x'.repeat(900_000);
    const starts = Array.from({ length: 40 }, () =>
      stage.engine.door.start({ workflow: 'chain', inputs: { text }, by }),
    );
    await quiet();
    stage.journal.letAppendsThrough();
    await Promise.all(starts);
    expect(stage.journal.rows.size).toBe(40);
    const sizes = stage.journal.batches.map(({ events }) =>
      events.reduce((sum, { data }) => sum + data.length, 0),
    );
    // Five million characters, and what the last of them may have more.
    expect(Math.max(...sizes)).toBeLessThan(6_000_000);
  });

  it('keeps the events of one run in order on several connections', async () => {
    const stage = await Stage.open();
    await stage.deploy(`
workflow: wide
tasks:
${Array.from({ length: 30 }, (_, i) => `  t${i}: { action: tutti-free }`)
  .join('\n')
  .replaceAll('tutti-free', 'world.look')}
`);
    stage.world.standing.set('call', (question) => question.answer({}));
    const run = await stage.start('wide');
    await quiet(60);
    // The journal in memory throws on a gap or a swap.
    expect((await stage.view(run)).status).toBe('succeeded');
  });
});

describe('laws 1 and 2, one door and one book', () => {
  it('gives back the state from the journal alone', async () => {
    const stage = await Stage.open();
    await stage.deploy(CHAIN);
    const run = await stage.start('chain');
    stage.world.take('call').answer({ rows: 3 });
    await quiet();
    const before = await stage.view(run);
    await stage.crash();
    const after = await stage.view(run);
    expect(after.taskViews.map(({ task, status, output }) => ({ task, status, output }))).toEqual(
      before.taskViews.map(({ task, status, output }) => ({ task, status, output })),
    );
    stage.world.take('call').answer({});
    await quiet();
    expect((await stage.view(run)).status).toBe('succeeded');
  });

  it('refuses a second run of one key and writes nothing of it', async () => {
    const stage = await Stage.open();
    await stage.deploy(CHAIN);
    const request = { workflow: 'chain', inputs: {}, key: '2026-01-01', by };
    const [first, second] = await Promise.all([
      stage.engine.door.start(request),
      stage.engine.door.start(request),
    ]);
    expect([first.refused, second.refused]).toEqual([false, true]);
    expect(second.refused && second.code).toBe('run.exists');
    expect(stage.journal.rows.size).toBe(1);
  });
});
