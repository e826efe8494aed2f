import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batch, openTestbed, runId, startRow, type Testbed, updateRow } from '../testbed.ts';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import type { SlotWant } from '../slots.ts';
import { grant } from '../../kernel/slots.ts';

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
});
afterAll(() => bed.close());

const want = (n: number, slots: Record<string, number> = { db: 1 }): SlotWant => ({
  run: runId(n),
  task: 'work',
  attempt: 1,
  slots,
});

interface Node {
  readonly journal: Journal;
  readonly lease: NodeLease;
}

/** Nodes on one database with pools db (3) and tape (1), and runs 1 to `runs`. */
async function nodes(count: number, runs: number): Promise<[Node, ...Node[]]> {
  const connection = await bed.database();
  const open = async (name: string): Promise<Node> => {
    const { journal } = await bed.journal({ connection });
    return { journal, lease: await journal.register(name, 60_000, null) };
  };
  const first = await open('node-0');
  for (const [name, slots] of Object.entries({ db: 3, tape: 1 })) {
    const by = { actor: 'tester' };
    await first.journal.deployPool({ pool: { name, slots }, source: name, deployedAt: 0, by });
  }
  const starts = Array.from({ length: runs }, (_, index) => startRow(runId(index + 1)));
  await first.journal.append(first.lease, batch({ starts }));
  const others: Node[] = [];
  for (let i = 1; i < count; i++) others.push(await open(`node-${i}`));
  return [first, ...others];
}

describe('slots of a pool', () => {
  it('are never more than there are, whoever takes and gives at the same time', async () => {
    const all = await nodes(3, 60);
    let held = 0;
    let most = 0;
    const pending = Array.from({ length: 60 }, (_, index) => want(index + 1));
    await Promise.all(
      all.map(async ({ journal, lease }) => {
        for (let mine = pending.splice(0, 4); mine.length > 0; ) {
          const { granted, pools } = await journal.slots.take(lease, mine, grant);
          expect(pools[0]?.used).toBeLessThanOrEqual(3);
          const taken = mine.filter((_, index) => granted[index]);
          held += taken.length;
          most = Math.max(most, held);
          // Counted down first: from then on somebody else may have them.
          held -= taken.length;
          if (taken.length > 0) await journal.slots.give(lease, taken);
          mine = mine.filter((_, index) => granted[index] !== true);
          if (mine.length === 0) mine = pending.splice(0, 4);
        }
      }),
    );
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
    const [first] = all;
    const after = await first.journal.slots.take(first.lease, [want(1, { db: 3 })], grant);
    expect(after.granted).toEqual([true]);
  });

  it('are taken all or none, and are told with their holders', async () => {
    const [{ journal, lease }] = await nodes(1, 3);
    const both = await journal.slots.take(lease, [want(1, { db: 1, tape: 1 })], grant);
    expect(both.granted).toEqual([true]);
    const { granted, pools } = await journal.slots.take(
      lease,
      [want(2, { db: 1, tape: 1 })],
      grant,
    );
    expect(granted).toEqual([false]);
    expect(pools).toMatchObject([
      { pool: 'db', capacity: 3, used: 1 },
      { pool: 'tape', capacity: 1, used: 1, holders: [{ run: runId(1), task: 'work' }] },
    ]);
  });

  it('of an ended run are free, given back or not', async () => {
    const [{ journal, lease }] = await nodes(1, 2);
    await journal.slots.take(lease, [want(1, { tape: 1 })], grant);
    const updates = [updateRow(runId(1), { status: 'succeeded', endedAt: 5 })];
    await journal.append(lease, batch({ updates }));
    const { granted } = await journal.slots.take(lease, [want(2, { tape: 1 })], grant);
    expect(granted).toEqual([true]);
  });

  it('of attempts that are over are given back by who takes the run over', async () => {
    const [{ journal, lease }] = await nodes(1, 2);
    const old = want(1, { tape: 1 });
    const going = { ...want(1), attempt: 2 };
    await journal.slots.take(lease, [old, going], grant);
    await journal.slots.keep(lease, runId(1), [going]);
    const { granted, pools } = await journal.slots.take(
      lease,
      [want(2, { tape: 1, db: 1 })],
      grant,
    );
    expect(granted).toEqual([true]);
    expect(pools.find(({ pool }) => pool === 'db')?.used).toBe(2);
  });

  it('are nothing that a fenced node can take or give', async () => {
    const [{ journal, lease }] = await nodes(1, 2);
    await journal.slots.take(lease, [want(1, { tape: 1 })], grant);
    const stale = { ...lease, epoch: lease.epoch - 1 };
    await journal.slots.give(stale, [want(1)]);
    await journal.slots.keep(stale, runId(1), []);
    expect((await journal.slots.take(stale, [want(2, { db: 1 })], grant)).granted).toEqual([false]);
    expect((await journal.slots.take(lease, [want(2, { tape: 1 })], grant)).granted).toEqual([
      false,
    ]);
  });
});
