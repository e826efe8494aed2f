/** The runs above a run: which of them is being cancelled, found by keys alone. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import { batch, openTestbed, runId, startRow, type Testbed } from '../testbed.ts';
import { CANCELLING_ABOVE } from './ancestors.ts';
import { READ_SETTINGS } from './runs.ts';

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
  const starts = Array.from({ length: 60 }, (_, n) =>
    startRow(runId(n), {
      parent: n === 0 ? null : { run: runId(n - 1), task: 'call', attempt: 1 },
    }),
  );
  await journal.append(lease, batch({ starts }));
}, 60_000);
afterAll(() => bed.close(), 60_000);

it('goes from key to key', async () => {
  await client.query(READ_SETTINGS);
  const { rows } = await client.query(`explain ${CANCELLING_ABOVE}`, [runId(59)]);
  const plan = rows.map((row) => String(row['QUERY PLAN'])).join('\n');
  expect(plan).not.toContain('Seq Scan on runs');
  expect(plan.match(/Index Scan using runs_pkey/g)).toHaveLength(2);
});
