/** What every journal promises of the feed. */
import { expect, it } from 'vitest';
import type { EventRow } from './append.ts';
import { readAll } from './feed.fixture.ts';
import { batch, eventRow, runId, startRow, updateRow } from './rows.fixture.ts';
import { alone, suite } from './subject.fixture.ts';

export const feedSuite = suite('feed', (open) => {
  it('gives events as they were written, and resumes after each of them', async () => {
    const { journal, lease } = await alone(open);
    const begin = (await journal.views.feed(null, 10)).next;
    const e = (run: number, seq: number): EventRow => eventRow(runId(run), seq);
    const starts = [startRow(runId(1)), startRow(runId(2))];
    const first = [e(1, 0), e(1, 1), e(2, 0), e(1, 2)];
    await journal.append(lease, batch({ starts, events: first }));
    await journal.append(lease, batch({ events: [] }));
    await journal.append(lease, batch({ events: [e(2, 1), e(2, 2), e(2, 3)] }));
    const page = await journal.views.feed(begin, 4);
    expect(page.items.map(({ event }) => event)).toEqual(first);
    const { names, positions } = await readAll(journal, begin, 100);
    expect(names).toEqual(['1.0', '1.1', '2.0', '1.2', '2.1', '2.2', '2.3']);
    for (const limit of [1, 2, 3, 5]) {
      expect((await readAll(journal, begin, limit)).names).toEqual(names);
    }
    for (const [n, position] of positions.entries()) {
      expect((await readAll(journal, position, 2)).names).toEqual(names.slice(n + 1));
    }
    expect(await journal.views.feed(null, 10)).toEqual({ items: [], next: positions.at(-1) });
  });

  it('refuses what is no position of this journal', async () => {
    const { journal } = await alone(open);
    for (const position of ['', 'x', '1.2.3', '-1.0', '900000000000000.0', '9'.repeat(30)]) {
      const refused = journal.views.feed(position, 1);
      await expect(refused).rejects.toMatchObject({ code: 'request.invalid' });
    }
  });

  it('begins later when what was before is deleted, and says so to who stands there', async () => {
    const { journal, lease } = await alone(open);
    const by = { actor: 'tester' };
    const begin = (await journal.views.feed(null, 9)).next;
    const [old, fresh] = [runId(1), runId(2)];
    const over = updateRow(old, { status: 'succeeded', endedAt: 100 });
    const before = { createdAt: 50 };
    await journal.append(
      lease,
      batch({
        starts: [startRow(old, before)],
        events: [0, 1].map((seq) => eventRow(old, seq, { at: 100 })),
        updates: [over],
      }),
    );
    const positions = (await journal.views.feed(begin, 9)).items.map(({ position }) => position);
    const [middle = '', border = ''] = positions;
    await journal.append(
      lease,
      batch({ starts: [startRow(fresh)], events: [eventRow(fresh, 0, { at: 300 })] }),
    );
    const scope = { endedBefore: 200, logsBefore: null, workflow: null, archive: null };
    const retention = { id: runId(9), scope: { ...scope, applies: true }, by };
    await journal.retentions.create(lease, retention);
    while ((await journal.retentions.portion(lease, retention.id)).more);
    expect((await journal.retentions.find(retention.id))?.counts.feed).toBe(1);
    const gone = { code: 'feed.gone', message: expect.stringContaining(border) as unknown };
    for (const after of [begin, middle]) {
      await expect(journal.views.feed(after, 9)).rejects.toMatchObject(gone);
    }
    const page = await journal.views.feed(border, 9);
    expect(page.items.map(({ event }) => event.run)).toEqual([fresh]);
  });
});
