/** Lines to the database: when the embedded server is asked to be running. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestbed, type Testbed } from '../testbed.ts';

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
});
afterAll(() => bed.close());

it('ask the embedded server to be running after a loss, and not before each connection', async () => {
  let asked = 0;
  const ensureRunning = async (): Promise<void> => {
    asked += 1;
    await bed.server.ensureRunning();
  };
  const { journal, connection } = await bed.journal({ ensureRunning });
  const key = await journal.nodeKey();
  await journal.views.ping();
  expect(asked).toBe(0);
  const other = await bed.client(connection);
  await other.query(
    'select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  expect(await journal.nodeKey()).toEqual(key);
  expect(asked).toBeGreaterThan(0);
});
