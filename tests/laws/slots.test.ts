/** Law 9 over several nodes: a pool has so many slots, however many nodes take of them. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { EngineHarness } from '../simulation/engine-harness.ts';

const POOLED = `
workflow: pooled
pools: { tape: 1 }
tasks:
  work: { action: world.touch, pool: tape }
`;

async function twoNodes(): Promise<[EngineHarness, EngineHarness]> {
  const first = await EngineHarness.open({ nodeName: 'node-a' });
  const second = await EngineHarness.open({ nodeName: 'node-b', beside: first });
  await first.deploy(POOLED);
  await quiet();
  return [first, second];
}

describe('law 9, slots are leases, across nodes', () => {
  it('lets one node wait for what another holds, and says who holds it', async () => {
    const [first, second] = await twoNodes();
    const holder = await first.start('pooled');
    const waiting = await second.start('pooled');
    expect([first.world.count('call'), second.world.count('call')]).toEqual([1, 0]);
    const [gate] = (await second.task(waiting, 'work')).gates;
    expect(gate).toMatchObject({ kind: 'pool', on: 'pooled/tape' });
    expect(gate?.message).toContain(holder);
    first.world.take('call').answer({});
    await quiet();
    expect(second.world.count('call')).toBe(1);
  });

  it('keeps the slot of work that goes on after a crash, and gives it back once', async () => {
    const [first, second] = await twoNodes();
    await first.start('pooled');
    const waiting = await second.start('pooled');
    await first.crash();
    await quiet();
    expect(first.world.count('locate')).toBe(1);
    expect(second.world.count('call')).toBe(0);
    first.world.take('locate').answer({ found: {} });
    await quiet();
    expect(second.world.count('call')).toBe(1);
    expect((await second.task(waiting, 'work')).status).toBe('running');
  });
});
