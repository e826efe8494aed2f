/** Law 3: one writer per run. A node that lost its lease cannot write, whatever it believes. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

const LONG = `
workflow: long
tasks:
  a: { action: world.look }
  b: { action: world.look, needs: [a] }
`;

describe('law 3, one writer per run', () => {
  it('fences the older process of the same name and tells it', async () => {
    const old = await EngineHarness.open();
    await old.deploy(LONG);
    const run = await old.start('long');
    old.journal.loseNames();
    const next = await EngineHarness.open({ beside: old });
    await quiet();
    old.world.take('call').answer({});
    await quiet();
    expect((await old.engine.fenced).code).toBe('node.fenced');
    expect(old.types(run)).toEqual(['RunStarted']);
    next.world.take('call').answer({});
    await quiet();
    expect(next.types(run)).toEqual(['RunStarted', 'TaskEnded']);
  });

  it('lets no second process be a node whose process lives', async () => {
    const old = await EngineHarness.open();
    await expect(EngineHarness.open({ beside: old })).rejects.toMatchObject({
      code: 'data.in-use',
    });
    await old.deploy(LONG);
    await old.start('long');
  });

  it('tells those, too, whose commands were never sent', async () => {
    const old = await EngineHarness.open();
    await old.deploy(LONG);
    old.journal.holdAppends();
    const starts: Promise<unknown>[] = [];
    // Each of the first fills a line; the others wait for one.
    for (let i = 0; i < old.journal.appendConcurrency + 3; i++) {
      starts.push(old.engine.door.commands.start({ workflow: 'long', inputs: {}, by }));
      await quiet();
    }
    const all = Promise.allSettled(starts);
    old.journal.loseNames();
    await EngineHarness.open({ beside: old });
    old.journal.letAppendsThrough();
    const fenced = { status: 'rejected', reason: expect.objectContaining({ code: 'node.fenced' }) };
    expect(await all).toEqual(starts.map(() => fenced));
    expect(old.engine.gauges().unwritten).toBe(0);
  });

  it('refuses commands at the door of a fenced node', async () => {
    const old = await EngineHarness.open();
    await old.deploy(LONG);
    old.journal.loseNames();
    await EngineHarness.open({ beside: old });
    await expect(
      old.engine.door.commands.start({ workflow: 'long', inputs: {}, by }),
    ).rejects.toMatchObject({
      code: 'node.fenced',
    });
    expect(old.engine.door.stalls()).toHaveLength(1);
  });

  it('leaves the runs of another living node to it', async () => {
    const first = await EngineHarness.open({ nodeName: 'node-a' });
    await first.deploy(LONG);
    const run = await first.start('long');
    const second = await EngineHarness.open({ nodeName: 'node-b', beside: first });
    const hold = { type: 'HoldRun', run, by } as const;
    await expect(second.engine.door.commands.submit(hold, 'node-c')).rejects.toMatchObject({
      code: 'run.elsewhere',
    });
    expect((await second.view(run)).status).toBe('running');
    expect(first.types(run)).toEqual(['RunStarted']);
    expect((await first.submit(hold)).refused).toBe(false);
  });

  it('takes the runs of a node over whose lease has ended, and not before', async () => {
    const first = await EngineHarness.open({ nodeName: 'node-a' });
    await first.deploy(LONG);
    const run = await first.start('long');
    const early = await EngineHarness.open({ nodeName: 'node-b', beside: first });
    await quiet();
    expect(early.world.asked).toEqual([]);
    // node-a hangs: its clock stands still for it, so its lease is not renewed.
    const node = first.journal;
    node.renew = async () => ({ kept: true, othersEndInMs: null });
    await first.clock.advance(6_000);
    const late = await EngineHarness.open({ nodeName: 'node-c', beside: first });
    await quiet();
    late.world.take('call').answer({});
    await quiet();
    expect(late.types(run)).toEqual(['RunStarted', 'TaskEnded']);
  });

  it('notices the loss of its lease when it renews it', async () => {
    const old = await EngineHarness.open();
    old.journal.loseNames();
    await EngineHarness.open({ beside: old });
    await old.clock.advance(2_000);
    expect((await old.engine.fenced).code).toBe('node.fenced');
  });
});
