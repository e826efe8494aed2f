/** What every journal promises of runs: what the engine loads and sets aside, and how people find them. */
import { expect, it } from 'vitest';
import type { RunStatus } from '../model/run.ts';
import { batch, eventRow, runId, startRow, updateRow } from './rows.fixture.ts';
import type { RunFilter } from './runs.ts';
import {
  alone,
  Listener,
  LEASE_MS,
  type Member,
  pagesOf,
  pair,
  start,
  suite,
  sure,
} from './subject.fixture.ts';

async function become(
  { journal, lease }: Member,
  run: number,
  status: RunStatus,
  endedAt: number | null = null,
): Promise<void> {
  await journal.append(lease, batch({ updates: [updateRow(runId(run), { status, endedAt })] }));
}

/** Of a member's runs, the numbers of those that a filter finds, in its order. */
async function found(
  { journal }: Member,
  filter: Omit<RunFilter, 'limit' | 'after'>,
  limit = 1,
): Promise<number[]> {
  const runs = await pagesOf((after) =>
    journal.views.runs({ ...filter, limit, ...(after !== null && { after }) }),
  );
  return runs.map(({ id }) => Number.parseInt(id.slice(-12), 16));
}

export const runsSuite = suite('runs', (open) => {
  it('load as many at once as one by one, in the order of their ids', async () => {
    const { journal, lease } = await alone(open);
    const sizes = [3, 0, 7, 1];
    const ids = sizes.map((_, n) => runId(n));
    const starts = ids.map((id, n) => startRow(id, n === 2 ? { wakeAt: 5 } : {}));
    const events = sizes.flatMap((size, n) =>
      Array.from({ length: size }, (_, seq) => eventRow(runId(n), seq)),
    );
    await journal.append(lease, batch({ starts, events }));
    const single = await Promise.all(ids.map((id) => journal.load(id)));
    expect(single.map((run) => run?.events.length)).toEqual(sizes);
    const wanted = [...ids, runId(404), 'no id'].toReversed();
    expect(await journal.loadMany(wanted)).toEqual(single);
    expect(await journal.loadMany([])).toEqual([]);
    expect(await journal.load(runId(404))).toBeNull();
    expect(await journal.load("'; drop table runs")).toBeNull();
  });

  it('find the nearest above that is being cancelled, no higher than one that has ended', async () => {
    const main = await alone(open);
    const { journal } = main;
    const parents = Array.from({ length: 6 }, (_, n) =>
      n === 0 ? {} : { parent: { run: runId(n - 1), task: 'call', attempt: 1 } },
    );
    await start(main, parents);
    expect(await journal.cancellingAbove(runId(5))).toBeNull();
    await become(main, 0, 'cancelling');
    expect(await journal.cancellingAbove(runId(5))).toBe(runId(0));
    await become(main, 3, 'cancelling');
    expect(await journal.cancellingAbove(runId(5))).toBe(runId(3));
    expect(await journal.cancellingAbove(runId(3))).toBe(runId(3));
    expect(await journal.cancellingAbove(runId(2))).toBe(runId(0));
    expect(await journal.cancellingAbove(runId(404))).toBeNull();
    expect(await journal.cancellingAbove('no id')).toBeNull();
    await become(main, 4, 'cancelled', 1_800_000_000_000);
    expect(await journal.cancellingAbove(runId(5))).toBeNull();
  });

  it('are due in the order of their times, with the next time', async () => {
    const main = await alone(open);
    const { journal, lease } = main;
    const times = [200, 100, Infinity, 300];
    const [late, early, never, next] = await start(
      main,
      times.map((wakeAt) => ({ wakeAt })),
    );
    expect(await journal.dueRuns(lease, 250, 10)).toEqual({ due: [early, late], nextAt: 300 });
    expect(await journal.dueRuns(lease, 300, 1)).toEqual({ due: [early], nextAt: null });
    expect(await journal.activeRuns(lease, null, 10)).toEqual([]);
    const wake = [never, next].map((run) => updateRow(sure(run)));
    await journal.append(lease, batch({ updates: wake }));
    expect(await journal.activeRuns(lease, null, 1)).toEqual([never]);
    expect(await journal.activeRuns(lease, sure(never), 9)).toEqual([next]);
  });

  it('that are set aside are claimed by no node, and come back to who asks', async () => {
    const [main, other] = await pair(open, 'main', 'other');
    const [run = '', ended = ''] = await start(main, [{}, { wakeAt: 7 }]);
    await main.journal.append(
      main.lease,
      batch({ updates: [updateRow(ended, { status: 'failed', endedAt: 9, wakeAt: 7 })] }),
    );
    const ear = await Listener.at(other.journal);
    for (const id of [run, ended])
      await main.journal.setAside(main.lease, id, 'it is '.repeat(999));
    await ear.until(() => ear.count('slots') > 0);
    expect(await main.journal.load(run)).toMatchObject({ owner: null, wakeAt: Infinity });
    expect(await main.journal.load(ended)).toMatchObject({ owner: null, wakeAt: 7 });
    expect((await main.journal.views.run(run))?.aside).toHaveLength(1_000);
    // The one that has ended keeps no caller waiting.
    expect(await main.journal.views.ping()).toEqual({ aside: 1 });
    expect((await other.journal.claim(other.lease, 1e15, 9)).runs).toEqual([]);
    expect(await other.journal.reinstate(other.lease, run)).toBe(true);
    expect(await other.journal.load(run)).toMatchObject({ owner: other.lease.node, wakeAt: null });
    expect((await other.journal.views.run(run))?.aside).toBeUndefined();
    for (const id of [run, runId(404), 'no id'])
      expect(await other.journal.reinstate(other.lease, id)).toBe(false);
  });

  it('are set aside by their own node alone, and by none that was fenced', async () => {
    const [main, other] = await pair(open, 'main', 'other');
    const [run = ''] = await start(main, [{}]);
    await other.journal.setAside(other.lease, run, 'why');
    expect((await main.journal.load(run))?.owner).toBe(main.lease.node);
    const lease = await main.journal.register('main', LEASE_MS, null);
    await main.journal.setAside(main.lease, run, 'why');
    expect((await main.journal.load(run))?.owner).toBe(lease.node);
    await main.journal.setAside(lease, run, 'why');
    expect(await main.journal.reinstate(main.lease, run)).toBe(false);
    expect(await main.journal.reinstate(lease, run)).toBe(true);
  });

  it('are listed newest first under every filter, ties by id', async () => {
    const main = await alone(open);
    const parent = { run: runId(9), task: 't', attempt: 1 };
    await start(main, [
      { createdAt: 100, workflow: 'v', key: 'k' },
      { createdAt: 300, status: 'held', businessDate: '2026-03-01' },
      { createdAt: 200, workflow: 'v', wakeAt: Infinity },
      { createdAt: 200, parent },
    ]);
    await become(main, 2, 'failed', 400);
    for (const limit of [1, 2, 9]) expect(await found(main, {}, limit)).toEqual([1, 3, 2, 0]);
    expect(await found(main, { workflow: 'v' })).toEqual([2, 0]);
    expect(await found(main, { statuses: ['running'] })).toEqual([3, 0]);
    expect(await found(main, { statuses: ['failed', 'held'] })).toEqual([1, 2]);
    expect(await found(main, { statuses: [] })).toEqual([]);
    expect(await found(main, { parent: runId(9) })).toEqual([3]);
    expect(await found(main, { parent: 'nobody' })).toEqual([]);
    expect(await found(main, { key: 'k' })).toEqual([0]);
    expect(await found(main, { businessDate: '2026-03-01' })).toEqual([1]);
    expect(await found(main, { from: 200 })).toEqual([1, 3, 2]);
    expect(await found(main, { from: 200, until: 300 })).toEqual([3, 2]);
  });

  it('are found by a prefix, and their events after a position and by a mark', async () => {
    const main = await alone(open);
    const { journal, lease } = main;
    const { views } = journal;
    const ids = await start(main, [{}, {}, {}]);
    const [first = ''] = ids;
    expect(await views.runsByPrefix('0199A000-0000')).toEqual(ids.slice(0, 2));
    expect(await views.runsByPrefix(ids[2] ?? '')).toEqual([ids[2]]);
    expect(await views.runsByPrefix("0199'; --")).toEqual([]);
    const by = '{"by":{"actor":"a","request":"mark \\"1\\""}}';
    const events = [eventRow(first, 1), eventRow(first, 2, { data: by })];
    await journal.append(lease, batch({ events }));
    expect(await views.events(first, 0, 10)).toEqual(events);
    expect(await views.events(first, -1, 1)).toEqual([eventRow(first, 0)]);
    expect(await views.events('no id', -1, 1)).toEqual([]);
    expect(await views.marked(first, 'mark "1"')).toBe(true);
    expect(await views.marked(first, 'mark')).toBe(false);
    expect(await views.run(first)).toMatchObject({ id: first, tasks: { total: 2 } });
    expect(await views.run('no id')).toBeNull();
  });
});
