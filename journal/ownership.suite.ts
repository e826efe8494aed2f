/** What every journal promises of leases, and of runs that change their owner. */
import { expect, it } from 'vitest';
import { batch, eventRow, runId, updateRow } from './rows.fixture.ts';
import {
  alone,
  LEASE_MS,
  type Member,
  members,
  pair,
  start,
  suite,
  sure,
} from './subject.fixture.ts';

const END = { status: 'succeeded', endedAt: 9 } as const;

async function endOf({ journal, lease }: Member, run: string | undefined): Promise<void> {
  await journal.append(lease, batch({ updates: [updateRow(sure(run), END)] }));
}

export const ownershipSuite = suite('ownership', (open) => {
  it('refuses a second process of a name while the first lives, and fences it afterwards', async () => {
    const subject = await open();
    const lease = await subject.journal.register('main', LEASE_MS, null);
    const second = await subject.beside();
    await expect(second.register('main', LEASE_MS, null)).rejects.toMatchObject({
      code: 'data.in-use',
    });
    // Refused, and so the first is the node that it was.
    expect((await subject.journal.renew(lease, LEASE_MS)).kept).toBe(true);
    await subject.journal.close();
    const heir = await second.register('main', LEASE_MS, null);
    expect(heir).toEqual({ node: lease.node, epoch: lease.epoch + 1 });
    expect((await second.renew(lease, LEASE_MS)).kept).toBe(false);
    expect(await second.append(lease, batch({}))).toEqual({ kind: 'fenced' });
  });

  it('hands the open runs of a node whose lease ended to another, and fences it', async () => {
    const [main, heir] = await pair(open, 'main', 'heir');
    const [active, sleeping, ended] = await start(main, [{}, { wakeAt: 5 }, {}]);
    await endOf(main, ended);
    expect(await heir.journal.fenceExpired(heir.lease)).toBe(0);
    expect((await main.journal.renew(main.lease, -1)).kept).toBe(true);
    // It has ended, and is not taken before the node is fenced.
    expect((await heir.journal.claim(heir.lease, 5, 10)).runs).toEqual([]);
    expect(await heir.journal.fenceExpired(heir.lease)).toBe(1);
    expect((await heir.journal.claim(heir.lease, 5, 10)).runs).toEqual([active, sleeping]);
    expect(await heir.journal.activeRuns(heir.lease, null, 10)).toEqual([active, sleeping]);
    expect(await heir.journal.dueRuns(heir.lease, 5, 10)).toEqual({ due: [], nextAt: null });
    expect((await heir.journal.load(sure(ended)))?.owner).toBe(main.lease.node);
    const late = batch({ events: [eventRow(sure(active), 1)] });
    expect(await main.journal.append(main.lease, late)).toEqual({ kind: 'fenced' });
    expect((await main.journal.renew(main.lease, LEASE_MS)).kept).toBe(false);
    expect(await heir.journal.fenceExpired(heir.lease)).toBe(0);
  });

  it('tells when the first lease of others ends', async () => {
    const [a, b] = await pair(open, 'a', 'b');
    await b.journal.renew(b.lease, 30_000);
    const { kept, othersEndInMs } = await a.journal.renew(a.lease, 10_000);
    expect(kept).toBe(true);
    expect(sure(othersEndInMs)).toBeGreaterThan(1_000);
    expect(sure(othersEndInMs)).toBeLessThanOrEqual(30_000);
    await b.journal.renew(b.lease, -5);
    expect((await a.journal.renew(a.lease, LEASE_MS)).othersEndInMs).toBe(0);
    expect(await a.journal.fenceExpired(a.lease)).toBe(1);
    expect((await a.journal.renew(a.lease, LEASE_MS)).othersEndInMs).toBeNull();
  });

  it('fences each node once, whoever does it, and lets a fenced one fence no other', async () => {
    const [a, b, c] = (await members(open, 'a', 'b', 'c')) as [Member, Member, Member];
    for (const each of [b, c]) await each.journal.renew(each.lease, -5);
    const counts = await Promise.all(
      [a, b, c].map((each) => each.journal.fenceExpired(each.lease)),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(2);
    expect((await a.journal.renew(a.lease, LEASE_MS)).kept).toBe(true);
    const others = await Promise.all(
      [b, c].map((each) => each.journal.renew(each.lease, LEASE_MS)),
    );
    expect(others.filter((each) => each.kept).length).toBeLessThanOrEqual(1);
  });

  it('gives a lease back, and with it the runs', async () => {
    const [main, heir] = await pair(open, 'main', 'heir');
    await start(main, [{}]);
    await main.journal.resign(main.lease);
    expect(await main.journal.append(main.lease, batch({}))).toEqual({ kind: 'fenced' });
    expect((await heir.journal.claim(heir.lease, 5, 10)).runs).toHaveLength(1);
    // A second time changes nothing.
    await main.journal.resign(main.lease);
    const again = await main.journal.register('main', LEASE_MS, null);
    expect(again.epoch).toBe(main.lease.epoch + 2);
  });

  it('claims what a node that is gone has left: active runs, and sleeping ones that are due', async () => {
    const [gone, { journal, lease }] = await pair(open, 'gone', 'alive');
    const sleepers = [{ wakeAt: 100 }, { wakeAt: 300 }, { wakeAt: Infinity }];
    const [active, due, late, never, ended] = await start(gone, [{}, ...sleepers, {}]);
    await endOf(gone, ended);
    expect(await journal.claim(lease, 200, 10)).toEqual({ runs: [], nextAt: null });
    await gone.journal.resign(gone.lease);
    expect(await journal.claim(lease, 200, 1)).toEqual({ runs: [active], nextAt: 300 });
    expect(await journal.claim(lease, 200, 9)).toEqual({ runs: [due], nextAt: 300 });
    expect(await journal.claim(lease, 200, 9)).toEqual({ runs: [], nextAt: 300 });
    for (const run of [active, due]) {
      expect(await journal.load(sure(run))).toMatchObject({ owner: lease.node, wakeAt: null });
    }
    for (const run of [late, never, ended]) {
      expect((await journal.load(sure(run)))?.owner).toBe(gone.lease.node);
    }
    expect(await journal.claim(lease, 300, 9)).toEqual({ runs: [late], nextAt: null });
  });

  it('claims what no node owns yet; an append of the writer does not make it its own', async () => {
    const [writer, other] = await pair(open, 'writer', 'other');
    const unowned = [
      { unowned: true, wakeAt: 50 },
      { unowned: true, wakeAt: 90 },
    ];
    const [first, second] = await start(writer, unowned);
    const update = batch({ updates: [updateRow(sure(first), { wakeAt: 60 })] });
    expect(await writer.journal.append(writer.lease, update)).toEqual({ kind: 'committed' });
    expect((await writer.journal.load(sure(first)))?.owner).toBeNull();
    expect(await other.journal.claim(other.lease, 60, 9)).toEqual({ runs: [first], nextAt: 90 });
    const next = await writer.journal.claim(writer.lease, 90, 9);
    expect(next).toEqual({ runs: [second], nextAt: null });
    expect((await writer.journal.load(sure(second)))?.owner).toBe(writer.lease.node);
  });

  it('claims nothing for a node that was fenced, and tells it whose a run is', async () => {
    const [a, b] = await pair(open, 'a', 'b');
    const [mine, free] = await start(a, [{}, { unowned: true }]);
    await a.journal.renew(a.lease, -1);
    expect(await b.journal.fenceExpired(b.lease)).toBe(1);
    expect(await a.journal.claim(a.lease, 0, 9)).toEqual({ runs: [], nextAt: null });
    await expect(a.journal.claimRun(a.lease, sure(free))).rejects.toMatchObject({
      code: 'node.fenced',
    });
    expect((await b.journal.claim(b.lease, 0, 9)).runs.toSorted()).toEqual([mine, free]);
    const theirs = await a.journal.claimRun(a.lease, sure(free));
    expect(theirs).toEqual({ owner: b.lease.node });
  });

  it('claims one run, asleep or over, and says whose a run is', async () => {
    const [gone, a, b] = (await members(open, 'gone', 'a', 'b')) as [Member, Member, Member];
    const [asleep, ended] = await start(gone, [{ wakeAt: Infinity }, {}]);
    await endOf(gone, ended);
    const [loose] = await start(a, [{ unowned: true }], 7);
    const ask = ({ journal, lease }: Member, run?: string) => journal.claimRun(lease, sure(run));
    expect(await ask(a, asleep)).toEqual({ owner: gone.lease.node });
    expect(await ask(gone, asleep)).toBe('mine');
    await gone.journal.resign(gone.lease);
    expect(await ask(a, asleep)).toBe('mine');
    expect(await ask(b, asleep)).toEqual({ owner: a.lease.node });
    expect((await a.journal.load(sure(asleep)))?.wakeAt).toBeNull();
    const before = await b.journal.load(sure(ended));
    expect(await ask(b, ended)).toBe('mine');
    expect(await b.journal.load(sure(ended))).toEqual({ ...before, owner: b.lease.node });
    expect(await ask(a, ended)).toEqual({ owner: b.lease.node });
    expect(await ask(b, loose)).toBe('mine');
    expect(await ask(b, runId(404))).toBeNull();
    expect(await ask(b, 'no id')).toBeNull();
  });

  it('gives a run that many ask for to one of them', async () => {
    const [first, ...claimers] = await members(open, 'gone', 'a', 'b', 'c');
    const gone = sure(first);
    const runs = await start(
      gone,
      Array.from({ length: 10 }, () => ({})),
    );
    await gone.journal.resign(gone.lease);
    for (const run of runs) {
      const asking = claimers.map((each) => each.journal.claimRun(each.lease, run));
      const answers = await Promise.all(asking);
      const winner = sure(claimers[answers.indexOf('mine')]).lease.node;
      const others = answers.filter((answer) => answer !== 'mine');
      expect(others).toEqual([{ owner: winner }, { owner: winner }]);
    }
  });

  it('keeps the runs of a node that comes back under its name', async () => {
    const { journal, lease } = await alone(open);
    const [run] = await start({ journal, lease }, [{}]);
    const again = await journal.register('main', LEASE_MS, null);
    expect(await journal.activeRuns(again, null, 9)).toEqual([run]);
  });
});
