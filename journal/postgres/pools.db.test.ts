/** What becomes of the pools of before. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grant } from '../../kernel/slots.ts';
import { document, version, want } from '../pools.fixture.ts';
import { batch, openTestbed, runId, startRow, type Testbed } from '../testbed.ts';
import { migrate, readMigrations } from './migrate.ts';

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
}, 60_000);
afterAll(() => bed.close(), 60_000);

describe('pools of before', () => {
  /** As two workflows declared `dock` and one `crane`, and a task holds a slot of each. */
  async function before() {
    const connection = await bed.database();
    const client = await bed.client(connection);
    await migrate(
      client,
      readMigrations().filter(({ name }) => name !== 'private_pools'),
    );
    const pools: [string, Record<string, number>, number][] = [
      ['a', { dock: 2 }, 1],
      ['b', { dock: 3, crane: 5 }, 1],
      ['b', { dock: 1, crane: 2 }, 2],
    ];
    for (const [workflow, declared, number] of pools) {
      const definition = JSON.stringify({ name: workflow, tasks: [], pools: declared });
      const named =
        'insert into workflows (name, version) values ($1, $2) on conflict (name) do update set version = $2';
      await client.query(named, [workflow, number]);
      const added = `insert into versions values ($1, $2, $3, '', '', now(), '{}')`;
      await client.query(added, [workflow, number, definition]);
    }
    await client.query(`insert into pools values ('dock', 3), ('crane', 5)`);
    await client.query(
      `insert into slots values ($1, 't', 1, 'crane', 1), ($2, 't', 1, 'dock', 1)`,
      [runId(1), runId(2)],
    );
    await migrate(client);
    const { journal } = await bed.journal({ connection });
    const lease = await journal.register('main', 60_000, null);
    const starts = Array.from({ length: 9 }, (_, n) => startRow(runId(n)));
    await journal.append(lease, batch({ starts }));
    return { journal, lease };
  }

  it('are shared where several declared them, and else private, with what is held', async () => {
    const { journal } = await before();
    expect(await journal.pools()).toMatchObject([
      { name: 'b/crane', capacity: 2, workflow: 'b', used: 1 },
      { name: 'dock', capacity: 3, workflow: null, version: 0, sharedBy: ['a', 'b'], used: 1 },
    ]);
  });

  it('are one with what their old name meant: old and new versions share the slots', async () => {
    const { journal, lease } = await before();
    const wants = [want(3, 'crane'), want(4, 'b/crane'), want(5, 'crane')];
    const { granted, pools } = await journal.slots.acquire(lease, wants, grant);
    expect(granted).toEqual([true, false, false]);
    expect(pools).toMatchObject([
      { pool: 'b/crane', used: 2, capacity: 2 },
      { pool: 'crane', used: 2, capacity: 2 },
    ]);
  });

  it('are left by each workflow that is deployed anew', async () => {
    const { journal } = await before();
    const shared = async () =>
      (await journal.pools()).find(({ name }) => name === 'dock')?.sharedBy;
    await journal.deploy(version('b', { crane: 2 }));
    expect(await shared()).toEqual(['a']);
    await journal.deployPool(document('dock', 2));
    expect(await shared()).toEqual(['a']);
    await journal.deploy(version('a', {}));
    expect(await shared()).toEqual([]);
  });
});
