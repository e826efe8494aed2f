/** What every journal promises of appends: the whole batch or nothing, and the truth about it. */
import { expect, it } from 'vitest';
import { batch, eventRow, runId, startRow, updateRow } from './rows.fixture.ts';
import { alone, LEASE_MS, start, suite } from './subject.fixture.ts';

export const appendSuite = suite('append', (open) => {
  it('gives back what was written, to the millisecond', async () => {
    const { journal, lease } = await alone(open);
    const run = runId(1);
    const about = startRow(run, {
      key: 'a "quoted" \\ key, {with} NULL',
      businessDate: '2026-11-30',
      parent: { run: runId(999), task: 'items[3]', attempt: 2 },
      by: { actor: 'Zoë', reason: 'because "so"' },
      createdAt: 1_799_999_999_999,
      wakeAt: Infinity,
    });
    const events = [
      eventRow(run, 0, { type: 'RunStarted', task: null, attempt: null, end: null, at: 1 }),
      eventRow(run, 1, { data: '{"output":"\\u0000 \\" \\\\ ünï 🎼","n":1.50}', task: 'NULL' }),
    ];
    const written = await journal.append(lease, batch({ starts: [about], events }));
    expect(written).toEqual({ kind: 'committed' });
    expect(await journal.load(run)).toEqual({
      summary: {
        id: run,
        workflow: 'w',
        version: 1,
        status: 'running',
        key: about.key,
        businessDate: '2026-11-30',
        parent: about.parent,
        by: about.by,
        createdAt: 1_799_999_999_999,
        tasks: { total: 2, ended: 0, failed: 0 },
      },
      owner: lease.node,
      wakeAt: Infinity,
      events,
    });
  });

  it('updates the view of a run, also one that starts in the same batch', async () => {
    const { journal, lease } = await alone(open);
    const [early, late] = [runId(1), runId(2)];
    const over = { status: 'failed', endedAt: 1_800_000_000_777, ended: 2, failed: 1 } as const;
    await journal.append(lease, batch({ starts: [startRow(early)], events: [eventRow(early, 0)] }));
    const updates = [updateRow(late, over), updateRow(early, { ...over, total: 3, wakeAt: 5 })];
    const events = [eventRow(late, 0), eventRow(early, 1)];
    await journal.append(lease, batch({ starts: [startRow(late)], events, updates }));
    for (const [run, total] of [
      [early, 3],
      [late, 2],
    ] as const) {
      expect((await journal.load(run))?.summary).toMatchObject({
        status: 'failed',
        endedAt: 1_800_000_000_777,
        tasks: { total, ended: 2, failed: 1 },
      });
    }
    expect((await journal.load(early))?.wakeAt).toBe(5);
  });

  it('writes nothing with an old epoch', async () => {
    const { journal, lease: old } = await alone(open);
    const lease = await journal.register('main', LEASE_MS, null);
    expect(lease).toEqual({ node: old.node, epoch: old.epoch + 1 });
    const late = batch({ starts: [startRow(runId(1))], events: [eventRow(runId(1), 0)] });
    expect(await journal.append(old, late)).toEqual({ kind: 'fenced' });
    expect(await journal.load(runId(1))).toBeNull();
    expect((await journal.renew(old, 1)).kept).toBe(false);
    expect((await journal.renew(lease, LEASE_MS)).kept).toBe(true);
  });

  it('writes nothing of a batch whose key is taken, and names the run', async () => {
    const { journal, lease } = await alone(open);
    const [first, second, third] = [runId(1), runId(2), runId(3)];
    const keyed = (run: string, key: string) => startRow(run, { key });
    const one = batch({ starts: [keyed(first, 'k')], events: [eventRow(first, 0)] });
    await journal.append(lease, one);
    const colliding = batch({
      starts: [keyed(third, 'free'), keyed(second, 'k')],
      events: [eventRow(third, 0), eventRow(second, 0), eventRow(first, 1)],
    });
    expect(await journal.append(lease, colliding)).toEqual({ kind: 'key-exists', run: second });
    expect(await journal.loadMany([first, second, third])).toMatchObject([
      { summary: { id: first }, events: one.events },
    ]);
    const elsewhere = batch({ starts: [startRow(second, { key: 'k', workflow: 'v' })] });
    expect(await journal.append(lease, elsewhere)).toEqual({ kind: 'committed' });
  });

  it('names the second of two runs of one batch with one key', async () => {
    const { journal, lease } = await alone(open);
    const starts = [startRow(runId(1), { key: 'twice' }), startRow(runId(2), { key: 'twice' })];
    const events = [eventRow(runId(1), 0), eventRow(runId(2), 0)];
    const answer = await journal.append(lease, batch({ starts, events }));
    expect(answer).toEqual({ kind: 'key-exists', run: runId(2) });
  });

  it('knows a batch that is there, and has it once', async () => {
    const { journal, lease } = await alone(open);
    const whole = batch({
      starts: [startRow(runId(1), { key: 'k' })],
      events: [eventRow(runId(1), 0), eventRow(runId(1), 1)],
    });
    for (let times = 0; times < 2; times++) {
      expect(await journal.append(lease, whole)).toEqual({ kind: 'committed' });
    }
    expect((await journal.load(runId(1)))?.events).toEqual(whole.events);
  });

  it('refuses what says otherwise than what is there, names the run, and writes nothing', async () => {
    const member = await alone(open);
    const { journal, lease } = member;
    const [run = ''] = await start(member, [{}]);
    const theirs = batch({ events: [eventRow(run, 0, { data: '{"output":"other"}' })] });
    // The lease is ours: the memory of this run is wrong, and that is no matter of the node.
    expect(await journal.append(lease, theirs)).toMatchObject({ kind: 'refused', runs: [run] });
    const mixed = batch({
      starts: [startRow(runId(7))],
      events: [eventRow(runId(7), 0), ...theirs.events],
    });
    expect(await journal.append(lease, mixed)).toMatchObject({ kind: 'refused', runs: [run] });
    expect(await journal.load(runId(7))).toBeNull();
  });

  it('refuses what no journal can hold, and goes on', async () => {
    const { journal, lease } = await alone(open);
    const starts = [startRow(runId(1))];
    const bad = batch({ starts, events: [eventRow(runId(1), 0, { data: 'no json' })] });
    expect(await journal.append(lease, bad)).toMatchObject({
      kind: 'refused',
      runs: null,
      error: { code: 'write.refused' },
    });
    expect(await journal.load(runId(1))).toBeNull();
    const good = batch({ starts, events: [eventRow(runId(1), 0)] });
    expect(await journal.append(lease, good)).toEqual({ kind: 'committed' });
  });
});
