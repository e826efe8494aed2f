/** Bells over connections that are lost: nobody misses anything for good. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bell } from '../bells.ts';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import { openTestbed, until, type Testbed } from '../testbed.ts';

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
}, 60_000);
afterAll(() => bed.close(), 60_000);

interface Node {
  readonly journal: Journal;
  readonly lease: NodeLease;
}

/** One node that listens, and its database. */
async function listening(): Promise<{
  near: Node;
  heard: Bell[];
  count: (about: Bell['about']) => number;
  connection: pg.ClientConfig;
}> {
  const { journal, connection } = await bed.journal();
  const near = { journal, lease: await journal.register('near', 60_000, null) };
  const heard: Bell[] = [];
  journal.listen((bell) => heard.push(bell));
  await until(() => heard.length > 0);
  expect(heard.splice(0)).toEqual([{ about: 'again' }]);
  const count = (about: Bell['about']): number =>
    heard.filter((bell) => bell.about === about).length;
  return { near, heard, count, connection };
}

async function another(connection: pg.ClientConfig): Promise<Node> {
  const { journal } = await bed.journal({ connection });
  return { journal, lease: await journal.register('far', 60_000, null) };
}

describe('bells', () => {
  it('say `again` when their connection is back', async () => {
    const { heard, count, connection } = await listening();
    const client = await bed.client(connection);
    for (const times of [1, 2]) {
      await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%listen%' and datname = current_database() and pid <> pg_backend_pid()",
      );
      await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query = 'select 1' and datname = current_database() and pid <> pg_backend_pid()",
      );
      await until(() => count('again') >= times);
    }
    const far = await another(connection);
    await far.journal.resign(far.lease);
    await until(() => count('orphans') === 1);
    expect(new Set(heard.map((bell) => bell.about))).toEqual(new Set(['again', 'orphans']));
  });
});
