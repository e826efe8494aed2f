/** A large run is worked on in portions: others have their turn in between, and nothing is lost or late. */
import { describe, expect, it, vi } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

const COUNT = 5_000;

function many(task: string, count = COUNT): string {
  const tasks = Array.from({ length: count }, (_, at) => `  t${at}: ${task}`);
  return `workflow: many\ntasks:\n${tasks.join('\n')}\n`;
}

describe('a run of many tasks', () => {
  it('goes on where it was when its node dies between two portions', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(many('{ action: world.look, when: "false" }'));
    const run = await harness.start('many');
    const before = (await harness.view(run)).tasks.ended;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(COUNT);
    await harness.crash();
    await quiet(200);
    const { status, tasks } = await harness.view(run);
    expect({ status, ended: tasks.ended }).toEqual({ status: 'succeeded', ended: COUNT });
  });

  it('begins no other task once it is held', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(many('{ action: world.look }'));
    const run = await harness.start('many');
    await quiet(50);
    const asked = harness.world.count('call');
    expect(asked).toBeGreaterThan(0);
    await harness.submit({ type: 'HoldRun', run, by });
    for (let at = 0; at < asked; at++) harness.world.take('call').answer({});
    await quiet(50);
    expect(harness.world.count('call')).toBe(0);
    await harness.submit({ type: 'ReleaseRun', run, by });
    await quiet(50);
    expect(harness.world.count('call')).toBe(asked);
  });

  it('is seen as it is after each command, though it was kept for those who look', async () => {
    const harness = await EngineHarness.open();
    harness.world.standing.set('call', (question) => question.answer({}));
    await harness.deploy(many('{ action: world.look }', 600));
    const run = await harness.start('many');
    await quiet(200);
    for (const attempt of [1, 2, 3]) {
      for (let look = 0; look < 2; look++) {
        const { status, taskViews } = await harness.view(run);
        expect([status, taskViews[9]?.attempt]).toEqual(['succeeded', attempt]);
      }
      await harness.submit({ type: 'RestartRun', run, by, from: ['t9'] });
      await quiet(200);
    }
    await harness.submit({ type: 'RerunTask', run, by, task: 't9' });
    await quiet(200);
    expect((await harness.task(run, 't9')).attempt).toBe(5);
  });

  it('is kept for a moment for those who look at it again, and two of them at most', async () => {
    const harness = await EngineHarness.open();
    harness.world.standing.set('call', (question) => question.answer({}));
    await harness.deploy(many('{ action: world.look }', 600));
    const runs: string[] = [];
    for (let at = 0; at < 3; at++) {
      runs.push(await harness.start('many'));
      await quiet(200);
    }
    const load = vi.spyOn(harness.journal, 'load');
    const [first = '', ...others] = runs;
    async function loads(run: string): Promise<number> {
      load.mockClear();
      expect((await harness.view(run)).status).toBe('succeeded');
      return load.mock.calls.length;
    }
    expect([await loads(first), await loads(first)]).toEqual([1, 0]);
    for (const other of others) expect(await loads(other)).toBe(1);
    expect(await loads(first)).toBe(1);
    await harness.clock.advance(11_000);
    expect(await loads(first)).toBe(1);
  });

  it('sleeps when all of them wait, and wakes for all of them', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(many('{ wait: 1h }', 1_200));
    const run = await harness.start('many');
    await quiet(200);
    expect((await harness.view(run)).tasks.ended).toBe(0);
    expect(harness.engine.gauges().runs).toBe(0);
    await harness.clock.advance(60 * 60_000);
    await quiet(200);
    expect((await harness.view(run)).status).toBe('succeeded');
    expect(harness.engine.gauges().runs).toBe(0);
  });
});
