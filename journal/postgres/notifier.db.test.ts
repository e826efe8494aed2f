/** Notifications over connections that are lost: nobody misses anything for good. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Notification } from '../notifications.ts';
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
  received: Notification[];
  count: (about: Notification['about']) => number;
  connection: pg.ClientConfig;
}> {
  const { journal, connection } = await bed.journal();
  const near = { journal, lease: await journal.register('near', 60_000, null) };
  const received: Notification[] = [];
  journal.listen((notification) => received.push(notification));
  await until(() => received.length > 0);
  expect(received.splice(0)).toEqual([{ about: 'resync' }]);
  const count = (about: Notification['about']): number =>
    received.filter((notification) => notification.about === about).length;
  return { near, received, count, connection };
}

async function another(connection: pg.ClientConfig): Promise<Node> {
  const { journal } = await bed.journal({ connection });
  return { journal, lease: await journal.register('far', 60_000, null) };
}

describe('notifications', () => {
  it('say `resync` when their connection is back', async () => {
    const { received: heard, count, connection } = await listening();
    const client = await bed.client(connection);
    for (const times of [1, 2]) {
      await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%listen%' and datname = current_database() and pid <> pg_backend_pid()",
      );
      await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query = 'select 1' and datname = current_database() and pid <> pg_backend_pid()",
      );
      await until(() => count('resync') >= times);
    }
    const far = await another(connection);
    await far.journal.resign(far.lease);
    await until(() => count('orphans') === 1);
    expect(new Set(heard.map((notification) => notification.about))).toEqual(
      new Set(['resync', 'orphans']),
    );
  });
});
