/** What every journal promises of slots. `grant` says which attempts get them, and is proved beside its code. */
import { expect, it } from 'vitest';
import { grant } from '../kernel/slots.ts';
import { batch, runId, updateRow } from './rows.fixture.ts';
import type { SlotWant } from './slots.ts';
import {
  Listener,
  type Member,
  members,
  type Open,
  start,
  suite,
  sure,
} from './subject.fixture.ts';

const want = (n: number, slots: Record<string, number> = { db: 1 }): SlotWant => ({
  run: runId(n),
  task: 'work',
  attempt: 1,
  slots,
});

/** Nodes of one journal with pools db (3) and tape (1), and runs 1 to `runs`. */
async function nodes(
  open: Open,
  count: number,
  runs: number,
): Promise<readonly [Member, ...Member[]]> {
  const names = Array.from({ length: count }, (_, n) => `node-${n}`);
  const [first, ...others] = await members(open, ...names);
  const main = sure(first);
  for (const [name, slots] of Object.entries({ db: 3, tape: 1 })) {
    const by = { actor: 'tester' };
    await main.journal.deployPool({ pool: { name, slots }, source: name, deployedAt: 0, by });
  }
  await start(
    main,
    Array.from({ length: runs }, () => ({})),
    1,
  );
  return [main, ...others];
}

export const slotsSuite = suite('slots', (open) => {
  it('are never more than there are, whoever takes and gives at the same time', async () => {
    const all = await nodes(open, 3, 60);
    let held = 0;
    let most = 0;
    const pending = Array.from({ length: 60 }, (_, index) => want(index + 1));
    await Promise.all(
      all.map(async ({ journal, lease }) => {
        for (let mine = pending.splice(0, 4); mine.length > 0; ) {
          const { granted, pools } = await journal.slots.acquire(lease, mine, grant);
          expect(pools[0]?.used).toBeLessThanOrEqual(3);
          const taken = mine.filter((_, index) => granted[index]);
          held += taken.length;
          most = Math.max(most, held);
          // Counted down first: from then on another may have them.
          held -= taken.length;
          if (taken.length > 0) await journal.slots.release(lease, taken);
          mine = mine.filter((_, index) => granted[index] !== true);
          if (mine.length === 0) mine = pending.splice(0, 4);
        }
      }),
    );
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
    const [first] = all;
    const whole = await first.journal.slots.acquire(first.lease, [want(1, { db: 3 })], grant);
    expect(whole.granted).toEqual([true]);
  });

  it('are taken all or none, and told with those who hold them, of the pools that are wanted', async () => {
    const [{ journal, lease }] = await nodes(open, 1, 3);
    const both = await journal.slots.acquire(lease, [want(1, { db: 1, tape: 1 })], grant);
    expect(both).toMatchObject({ granted: [true], pools: [{ used: 1 }, { used: 1 }] });
    const next = await journal.slots.acquire(lease, [want(2, { db: 1, tape: 1 })], grant);
    expect(next.granted).toEqual([false]);
    const holder = { run: runId(1), task: 'work', attempt: 1, since: expect.any(Number) as number };
    expect(next.pools).toMatchObject([
      { pool: 'db', capacity: 3, used: 1, holders: [holder] },
      { pool: 'tape', capacity: 1, used: 1, holders: [holder] },
    ]);
    const none = await journal.slots.acquire(lease, [want(3, { attic: 1 })], grant);
    expect(none.granted).toEqual([false]);
    expect(none.pools).toEqual([{ pool: 'attic', capacity: null, used: 0, holders: [] }]);
  });

  it('are asked of the rule with what is taken, and who has them', async () => {
    const [{ journal, lease }] = await nodes(open, 1, 3);
    await journal.slots.acquire(lease, [want(1, { db: 2 })], grant);
    const asked: unknown[] = [];
    const wants = [want(1, { db: 2 }), want(2, { db: 9 })];
    const { granted, pools } = await journal.slots.acquire(lease, wants, (asking, states) => {
      asked.push(asking.map(({ slots, held }) => ({ slots, held })));
      asked.push(Array.from(states.values(), ({ used, capacity }) => ({ used, capacity })));
      return [true, true];
    });
    expect(asked).toEqual([
      [
        { slots: { db: 2 }, held: true },
        { slots: { db: 9 }, held: false },
      ],
      [{ used: 2, capacity: 3 }],
    ]);
    // What it says is done: no rule stands on this side.
    expect(granted).toEqual([true, true]);
    expect(pools).toMatchObject([{ used: 11 }]);
  });

  it('of a run that has ended or sleeps long are free, given back or not', async () => {
    const [{ journal, lease }] = await nodes(open, 1, 3);
    const over = updateRow(runId(1), { status: 'succeeded', endedAt: 5 });
    const asleep = updateRow(runId(2), { wakeAt: Infinity });
    for (const [n, update] of [over, asleep].entries()) {
      await journal.slots.acquire(lease, [want(n + 1, { tape: 1 })], grant);
      const full = await journal.slots.acquire(lease, [want(3, { tape: 1 })], grant);
      expect(full.granted).toEqual([false]);
      await journal.append(lease, batch({ updates: [update] }));
    }
    const { granted } = await journal.slots.acquire(lease, [want(3, { tape: 1 })], grant);
    expect(granted).toEqual([true]);
  });

  it('of attempts that are over are given back by who takes the run over', async () => {
    const [{ journal, lease }] = await nodes(open, 1, 2);
    const old = want(1, { tape: 1 });
    const going = { ...want(1), attempt: 2 };
    await journal.slots.acquire(lease, [old, going], grant);
    await journal.slots.releaseOthers(lease, runId(1), [going]);
    const next = await journal.slots.acquire(lease, [want(2, { tape: 1, db: 1 })], grant);
    expect(next.granted).toEqual([true]);
    expect(next.pools.find(({ pool }) => pool === 'db')?.used).toBe(2);
  });

  it('notify when they are given back', async () => {
    const [{ journal, lease }, other] = await nodes(open, 2, 2);
    const ear = await Listener.at(sure(other).journal);
    await journal.slots.acquire(lease, [want(1)], grant);
    await journal.slots.release(lease, [want(1)]);
    await ear.until(() => ear.count('slots') === 1);
    await journal.slots.releaseOthers(lease, runId(1), []);
    await ear.until(() => ear.count('slots') === 2);
    expect(ear.received).toHaveLength(2);
  });

  it('are nothing that a fenced node can take or give', async () => {
    const [{ journal, lease }] = await nodes(open, 1, 2);
    await journal.slots.acquire(lease, [want(1, { tape: 1 })], grant);
    const stale = { ...lease, epoch: lease.epoch - 1 };
    await journal.slots.release(stale, [want(1)]);
    await journal.slots.releaseOthers(stale, runId(1), []);
    const refused = await journal.slots.acquire(stale, [want(2, { db: 1 })], grant);
    expect(refused).toEqual({ granted: [false], pools: [] });
    const full = await journal.slots.acquire(lease, [want(2, { tape: 1 })], grant);
    expect(full.granted).toEqual([false]);
  });
});
