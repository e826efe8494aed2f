/** A large run is worked on in portions: others have their turn in between, and nothing is lost or late. */
import { describe, expect, it, vi } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, Stage } from '../simulation/stage.ts';

const COUNT = 5_000;

function many(task: string, count = COUNT): string {
  const tasks = Array.from({ length: count }, (_, at) => `  t${at}: ${task}`);
  return `workflow: many\ntasks:\n${tasks.join('\n')}\n`;
}

describe('a run of many tasks', () => {
  it('goes on where it was when its node dies between two portions', async () => {
    const stage = await Stage.open();
    await stage.deploy(many('{ action: world.look, when: "false" }'));
    const run = await stage.start('many');
    const before = (await stage.view(run)).tasks.ended;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(COUNT);
    await stage.crash();
    await quiet(200);
    const { status, tasks } = await stage.view(run);
    expect({ status, ended: tasks.ended }).toEqual({ status: 'succeeded', ended: COUNT });
  });

  it('begins no other task once it is held', async () => {
    const stage = await Stage.open();
    await stage.deploy(many('{ action: world.look }'));
    const run = await stage.start('many');
    await quiet(50);
    const asked = stage.world.count('call');
    expect(asked).toBeGreaterThan(0);
    await stage.submit({ type: 'HoldRun', run, by });
    for (let at = 0; at < asked; at++) stage.world.take('call').answer({});
    await quiet(50);
    expect(stage.world.count('call')).toBe(0);
    await stage.submit({ type: 'ReleaseRun', run, by });
    await quiet(50);
    expect(stage.world.count('call')).toBe(asked);
  });

  it('is seen as it is after each command, though it was kept for those who look', async () => {
    const stage = await Stage.open();
    stage.world.standing.set('call', (question) => question.answer({}));
    await stage.deploy(many('{ action: world.look }', 600));
    const run = await stage.start('many');
    await quiet(200);
    for (const attempt of [1, 2, 3]) {
      for (let look = 0; look < 2; look++) {
        const { status, taskViews } = await stage.view(run);
        expect([status, taskViews[9]?.attempt]).toEqual(['succeeded', attempt]);
      }
      await stage.submit({ type: 'RestartRun', run, by, from: ['t9'] });
      await quiet(200);
    }
    await stage.submit({ type: 'RerunTask', run, by, task: 't9' });
    await quiet(200);
    expect((await stage.task(run, 't9')).attempt).toBe(5);
  });

  it('is kept for a moment for those who look at it again, and two of them at most', async () => {
    const stage = await Stage.open();
    stage.world.standing.set('call', (question) => question.answer({}));
    await stage.deploy(many('{ action: world.look }', 600));
    const runs: string[] = [];
    for (let at = 0; at < 3; at++) {
      runs.push(await stage.start('many'));
      await quiet(200);
    }
    const load = vi.spyOn(stage.journal, 'load');
    const [first = '', ...others] = runs;
    async function loads(run: string): Promise<number> {
      load.mockClear();
      expect((await stage.view(run)).status).toBe('succeeded');
      return load.mock.calls.length;
    }
    expect([await loads(first), await loads(first)]).toEqual([1, 0]);
    for (const other of others) expect(await loads(other)).toBe(1);
    expect(await loads(first)).toBe(1);
    await stage.clock.advance(11_000);
    expect(await loads(first)).toBe(1);
  });

  it('sleeps when all of them wait, and wakes for all of them', async () => {
    const stage = await Stage.open();
    await stage.deploy(many('{ wait: 1h }', 1_200));
    const run = await stage.start('many');
    await quiet(200);
    expect((await stage.view(run)).tasks.ended).toBe(0);
    expect(stage.engine.gauges().runs).toBe(0);
    await stage.clock.advance(60 * 60_000);
    await quiet(200);
    expect((await stage.view(run)).status).toBe('succeeded');
    expect(stage.engine.gauges().runs).toBe(0);
  });
});
