/** What PostgreSQL alone can lose: the lock of a node, and the server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import { batch, eventRow, openTestbed, runId, startRow, until, type Testbed } from '../testbed.ts';

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
}, 60_000);
afterAll(() => bed.close(), 60_000);

async function fresh(): Promise<{
  journal: Journal;
  lease: NodeLease;
  connection: pg.ClientConfig;
}> {
  const { journal, connection } = await bed.journal();
  return { journal, connection, lease: await journal.register('main', 60_000, null) };
}

async function start(
  journal: Journal,
  lease: NodeLease,
  runs: readonly Parameters<typeof startRow>[1][],
): Promise<string[]> {
  const starts = runs.map((over, n) => startRow(runId(n), over));
  const events = starts.map((run) => eventRow(run.id, 0));
  expect(await journal.append(lease, batch({ starts, events }))).toEqual({ kind: 'committed' });
  return starts.map((run) => run.id);
}

describe('leases', () => {
  it('is fenced when another process took its name while its lock was away', async () => {
    const { journal, lease, connection } = await fresh();
    const client = await bed.client(connection);
    await client.query(LOCK_IS_TAKEN_OVER);
    await until(async () => !(await journal.renew(lease, 60_000)).kept);
    expect(await journal.append(lease, batch({}))).toEqual({ kind: 'fenced' });
  });
});

/** Ends the session that holds a node's lock, and has the lock before it can come back. */
const LOCK_IS_TAKEN_OVER = `
do $$
declare holder record;
begin
  select pid, classid, objid into holder from pg_locks
  where locktype = 'advisory' and granted and pid <> pg_backend_pid()
    and database = (select oid from pg_database where datname = current_database());
  perform pg_terminate_backend(holder.pid);
  perform pg_advisory_lock(holder.classid::int, holder.objid::int);
end $$`;

describe('crash of the server', () => {
  it('loses nothing that was acknowledged when the postmaster is killed', async () => {
    const { journal, lease } = await fresh();
    const runs = await start(journal, lease, [{}, {}, {}]);
    let acknowledged = 0;
    const lanes = runs.map(async (run) => {
      for (let seq = 1; seq <= 50; seq++) {
        const result = await journal.append(lease, batch({ events: [eventRow(run, seq)] }));
        expect(result).toEqual({ kind: 'committed' });
        acknowledged++;
      }
    });
    await until(() => acknowledged >= 30);
    const file = join(bed.server.folder, 'cluster/postmaster.pid');
    process.kill(Number(readFileSync(file, 'utf8').split('\n')[0]), 'SIGKILL');
    await Promise.all(lanes);
    for (const run of runs) {
      const seqs = (await journal.load(run))?.events.map((event) => event.seq);
      expect(seqs).toEqual(Array.from({ length: 51 }, (_, seq) => seq));
    }
    // The node's lock is held again by the same process.
    expect((await journal.renew(lease, 60_000)).kept).toBe(true);
    expect(journal.stalls()).toEqual([]);
  }, 60_000);
});

describe('versions', () => {
  it('knows a large definition again by its meaning, whatever its form of text', async () => {
    const { journal, connection } = await fresh();
    const tasks = Array.from({ length: 600 }, (_, at) => ({ name: `t${at}`, note: 'a\nb' }));
    const large = {
      workflow: 'w',
      definition: { name: 'w', inputs: {}, tasks, edges: [], pools: {}, title: 'Work' } as never,
      source: 'workflow: w',
      directory: '/work',
      deployedAt: 1_800_000_000_000,
      by: { actor: 'tester' },
    };
    expect(await journal.deploy(large)).toEqual({ version: 1, changed: true });
    const client = await bed.client(connection);
    await client.query('update versions set definition = $1', [JSON.stringify(large.definition)]);
    const again = { ...large, deployedAt: large.deployedAt + 1 };
    expect(await journal.deploy(again)).toEqual({ version: 1, changed: false });
    const other = {
      ...again,
      definition: {
        name: 'w',
        inputs: {},
        tasks: [],
        edges: [],
        pools: {},
        title: 'Other',
      } as never,
    };
    expect(await journal.deploy(other)).toEqual({ version: 2, changed: true });
  });
});
