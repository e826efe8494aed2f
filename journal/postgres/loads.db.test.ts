/** Many runs at once, in pages that end anywhere in a run. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import { batch, eventRow, openTestbed, runId, startRow, type Testbed } from '../testbed.ts';
import { LOAD_EVENTS_OF_RUNS, loadRuns, READ_SETTINGS } from './runs.ts';

let bed: Testbed;
let journal: Journal;
let lease: NodeLease;
let client: pg.Client;
beforeAll(async () => {
  bed = await openTestbed();
  const opened = await bed.journal();
  ({ journal } = opened);
  client = await bed.client(opened.connection);
  lease = await journal.register('main', 60_000, null);
}, 60_000);
afterAll(() => bed.close(), 60_000);

const SIZES = [3, 0, 7, 1, 4, 5, 2];

it('loads what it loads one by one, in the order of ids, whatever the page', async () => {
  const ids = SIZES.map((_, n) => runId(n));
  const events = SIZES.flatMap((size, n) =>
    Array.from({ length: size }, (_, seq) => eventRow(runId(n), seq)),
  );
  const starts = ids.map((id, n) => startRow(id, n === 2 ? { wakeAt: 5 } : {}));
  await journal.append(lease, batch({ starts, events }));
  const wanted = [...ids, runId(404), 'no id'].toReversed();
  const single = await Promise.all(ids.map((id) => journal.load(id)));
  expect(await journal.loadMany(wanted)).toEqual(single);
  for (const page of [1, 2, 3, 5, 22, 23]) {
    expect(await loadRuns(client, wanted, page)).toEqual(single);
  }
  expect(await journal.loadMany([])).toEqual([]);
});

it('reads the events of thousands of runs in the order of the primary key', async () => {
  await client.query(READ_SETTINGS);
  const many = Array.from({ length: 5_000 }, (_, n) => runId(n));
  const values = [many, runId(0), -1, 10_000];
  const { rows } = await client.query(`explain ${LOAD_EVENTS_OF_RUNS}`, values);
  const plan = rows.map((row) => String(row['QUERY PLAN'])).join('\n');
  expect(plan).toContain('Index Scan using events_pkey');
  expect(plan).not.toContain('Sort');
});
