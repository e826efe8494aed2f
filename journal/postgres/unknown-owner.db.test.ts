/** What belongs to a node that no row knows belongs to nobody: it is taken over, and no command waits for it. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import { batch, eventRow, openTestbed, runId, startRow, type Testbed } from '../testbed.ts';

const NO_NODE = 4_711;

let bed: Testbed;
let journal: Journal;
let client: pg.Client;
let alive: NodeLease;
beforeAll(async () => {
  bed = await openTestbed();
  const opened = await bed.journal();
  ({ journal } = opened);
  client = await bed.client(opened.connection);
  alive = await journal.register('alive', 60_000, null);
}, 60_000);
afterAll(() => bed.close(), 60_000);

async function orphan(first: number, ...wakes: (number | null)[]): Promise<string[]> {
  const starts = wakes.map((wakeAt, n) => startRow(runId(first + n), { wakeAt }));
  const events = starts.map((run) => eventRow(run.id, 0));
  expect(await journal.append(alive, batch({ starts, events }))).toEqual({ kind: 'committed' });
  const ids = starts.map((run) => run.id);
  await client.query('update runs set owner = $1 where id = any($2::uuid[])', [NO_NODE, ids]);
  return ids;
}

it('a run that a command names is claimed at once', async () => {
  const runs = await orphan(0, null, 500, Infinity);
  for (const run of runs) {
    expect(await journal.claimRun(alive, run)).toBe('mine');
    expect((await journal.load(run))?.owner).toBe(alive.node);
  }
});

it('active runs are claimed, and sleeping ones when they are due', async () => {
  const [active, due, late] = await orphan(10, null, 100, 300);
  const claimed = await journal.claim(alive, 200, 10);
  expect({ ...claimed, runs: claimed.runs.toSorted() }).toEqual({
    runs: [active, due],
    nextAt: 300,
  });
  expect(await journal.claim(alive, 300, 10)).toEqual({ runs: [late], nextAt: null });
});

it('a run of a node whose lease was deleted is claimed, too', async () => {
  const { rows } = await client.query<{ id: number }>(
    `insert into nodes (name) values ('without a lease') returning id`,
  );
  const node = rows[0]?.id;
  const runs = await orphan(20, null, null);
  await client.query('update runs set owner = $1 where id = any($2::uuid[])', [node, runs]);
  expect(await journal.claimRun(alive, runs[0] ?? '')).toBe('mine');
  await client.query('delete from leases where node = $1', [node]);
  await journal.fenceExpired(alive);
  expect((await journal.claim(alive, 400, 10)).runs).toEqual([runs[1]]);
});
