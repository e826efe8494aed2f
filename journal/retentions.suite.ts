/** What every journal promises of retention. Archives are PostgreSQL's alone. */
import { expect, it } from 'vitest';
import type { RetentionRow, RetentionScope } from './retentions.ts';
import { make, SCOPE } from './retentions.fixture.ts';
import { runId } from './rows.fixture.ts';
import { alone, type Member, pair, suite, sure } from './subject.fixture.ts';

const YOUNG = 1_800_000_000_000;
const by = { actor: 'me' };

async function retain(
  { journal, lease }: Member,
  number: number,
  over: Partial<RetentionScope> = {},
): Promise<RetentionRow> {
  const id = runId(90_000 + number);
  await journal.retentions.create(lease, { id, scope: { ...SCOPE, ...over }, by });
  while ((await journal.retentions.portion(lease, id)).more);
  return sure(await journal.retentions.find(id));
}

/** The numbers of the runs that are left, and of those with logs. */
async function left({ journal }: Member): Promise<{ runs: number[]; logs: number[] }> {
  const { items } = await journal.views.runs({ limit: 1_000 });
  const numberOf = (id: string): number => Number.parseInt(id.slice(-12), 16);
  const runs = items.map(({ id }) => numberOf(id)).toSorted((a, b) => a - b);
  const logs: number[] = [];
  for (let n = 1; n <= 20; n++)
    if ((await journal.logEnd(runId(n), 't', 1)).bytes > 0) logs.push(n);
  return { runs, logs };
}

export const retentionsSuite = suite('retentions', (open) => {
  it('delete what is over and old, with its events and logs; what is open or young stays', async () => {
    const main = await alone(open);
    await make(main, [{}, { end: YOUNG }, { end: null }, { workflow: 'v' }]);
    const dry = await retain(main, 1, { applies: false });
    expect((await left(main)).runs).toEqual([1, 2, 3, 4]);
    const done = await retain(main, 2);
    expect(await left(main)).toEqual({ runs: [2, 3], logs: [2, 3] });
    expect(await main.journal.load(runId(1))).toBeNull();
    const counts = { runs: 2, events: 4, logs: 2, kept: 2, looked: 4 };
    expect(done).toMatchObject({ failure: null, counts });
    expect(done.endedAt).not.toBeNull();
    expect(dry.counts).toMatchObject(counts);
  });

  it('delete a family as a whole, or nothing of it', async () => {
    const main = await alone(open);
    const openBelow = [{}, { under: 1 }, { under: 2, end: null }];
    const youngBelow = [{}, { under: 4 }, { under: 5, end: YOUNG }];
    const over = [{}, { under: 7 }, { under: 8 }];
    const openAbove = [{ end: null }, { under: 10 }];
    const orphan = { under: 404 };
    await make(main, [...openBelow, ...youngBelow, ...over, ...openAbove, orphan]);
    await retain(main, 1);
    expect((await left(main)).runs).toEqual([1, 2, 3, 4, 5, 6, 10, 11]);
  });

  it('are of one workflow, with children of others, and leave the feed alone', async () => {
    const main = await alone(open);
    await make(main, [{ workflow: 'v' }, { workflow: 'x', under: 1 }, { workflow: 'x' }]);
    const done = await retain(main, 1, { workflow: 'v' });
    expect((await left(main)).runs).toEqual([3]);
    expect(done.counts).toMatchObject({ runs: 2, feed: 0 });
  });

  it('may delete the logs alone, earlier', async () => {
    const main = await alone(open);
    await make(main, [{ end: YOUNG }, { end: YOUNG }, { under: 2, end: null }, {}]);
    await retain(main, 1, { logsBefore: YOUNG + 1 });
    expect(await left(main)).toEqual({ runs: [1, 2, 3], logs: [2, 3] });
  });

  it('delete a bulk command that is over', async () => {
    const main = await alone(open);
    const { journal, lease } = main;
    await make(main, [{}]);
    const id = runId(70_000);
    await journal.bulks.create(lease, { id, verb: 'hold', filter: { workflow: 'w' }, by });
    expect((await retain(main, 1, { endedBefore: 1e14 })).counts.bulks).toBe(0);
    expect(await journal.bulks.find(id)).not.toBeNull();
    const more = Array.from({ length: 9 }, (_, n) => runId(70_001 + n));
    for (const each of more)
      await journal.bulks.create(lease, { id: each, verb: 'hold', filter: {}, by });
    for (const each of [id, ...more]) await journal.bulks.cancel(each);
    const dry = await retain(main, 2, { endedBefore: 1e14, applies: false });
    expect(dry.counts.bulks).toBe(10);
    expect((await retain(main, 3, { endedBefore: 1e14 })).counts.bulks).toBe(10);
    expect(await journal.bulks.find(id)).toBeNull();
  });

  it('keep where the feed ends: a reader there has missed nothing', async () => {
    const main = await alone(open);
    const { views } = main.journal;
    await make(main, [{}]);
    const end = (await views.feed(null, 9)).next;
    expect((await retain(main, 1)).counts).toMatchObject({ runs: 1, feed: 0 });
    expect(await views.feed(end, 9)).toEqual({ items: [], next: end });
    expect((await views.feed(null, 9)).next).toBe(end);
  });

  it('are worked on by one node: another goes on where it was left, a fenced one does nothing', async () => {
    const [main, heir] = await pair(open, 'main', 'heir');
    await make(main, [{}, {}]);
    const id = runId(40_000);
    await main.journal.retentions.create(main.lease, { id, scope: SCOPE, by });
    expect(await heir.journal.retentions.claim(heir.lease)).toEqual([]);
    await main.journal.resign(main.lease);
    const nothing = { more: false, gone: [] };
    expect(await main.journal.retentions.portion(main.lease, id)).toEqual(nothing);
    expect((await left(heir)).runs).toEqual([1, 2]);
    expect(await heir.journal.retentions.claim(heir.lease)).toEqual([id]);
    const gone: string[] = [];
    for (let more = true; more; ) {
      const done = await heir.journal.retentions.portion(heir.lease, id);
      gone.push(...done.gone);
      ({ more } = done);
    }
    expect(gone.toSorted()).toEqual([runId(1), runId(2)]);
    expect((await left(heir)).runs).toEqual([]);
    expect(await heir.journal.retentions.claim(heir.lease)).toEqual([]);
  });

  it('can be told to stop, and fail with a sentence', async () => {
    const main = await alone(open);
    const { retentions } = main.journal;
    await make(main, [{}]);
    const [stopped, failed] = [runId(1_001), runId(1_002)];
    for (const id of [stopped, failed])
      await retentions.create(main.lease, { id, scope: SCOPE, by });
    await retentions.cancel(stopped);
    await retentions.cancel('no id');
    await retentions.fail(failed, 'The disk is full.');
    for (const id of [stopped, failed]) {
      const nothing = { more: false, gone: [] };
      expect(await retentions.portion(main.lease, id)).toEqual(nothing);
    }
    expect((await left(main)).runs).toEqual([1]);
    expect((await retentions.find(stopped))?.cancelledAt).not.toBeNull();
    const row = await retentions.find(failed);
    expect(row).toMatchObject({ failure: 'The disk is full.', cancelledAt: null });
    expect(row?.endedAt).not.toBeNull();
  });

  it('refuse an archive that cannot be made, before anything begins', async () => {
    const main = await alone(open);
    const archive = 'relative';
    await expect(retain(main, 1, { archive })).rejects.toMatchObject({ code: 'retention.archive' });
    expect(await main.journal.retentions.list(null, 9)).toEqual({ items: [], next: null });
  });
});
