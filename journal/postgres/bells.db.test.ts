/** What rings, who hears it, and that nobody misses anything for good. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Definition } from '../../model/definition.ts';
import type { Bell } from '../bells.ts';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import { batch, eventRow, openTestbed, runId, startRow, until, type Testbed } from '../testbed.ts';

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

const definition: Definition = { name: 'w', inputs: {}, tasks: [], edges: [], pools: {} };
const version = {
  workflow: 'w "quoted"',
  definition,
  source: 'workflow: w',
  directory: '/work',
  deployedAt: 1_800_000_000_000,
  by: { actor: 'tester' },
};

describe('bells', () => {
  it('ring with what they tell of', async () => {
    const { near, heard, connection } = await listening();
    const far = await another(connection);
    await far.journal.append(
      far.lease,
      batch({ starts: [startRow(runId(1))], events: [eventRow(runId(1), 0)] }),
    );
    await far.journal.append(
      far.lease,
      batch({
        starts: [startRow(runId(2), { unowned: true, key: 'k' }), startRow(runId(3))],
        events: [eventRow(runId(2), 0)],
      }),
    );
    await until(() => heard.length === 1);
    // Refused, so nothing is told.
    const twice = [startRow(runId(4), { unowned: true, key: 'k' })];
    await far.journal.append(far.lease, batch({ starts: twice }));
    await far.journal.deploy(version);
    await far.journal.deploy(version);
    await far.journal.renew(far.lease, -1);
    await near.journal.bury(near.lease);
    const stale = [startRow(runId(5), { unowned: true })];
    expect(await far.journal.append(far.lease, batch({ starts: stale }))).toEqual({
      kind: 'fenced',
    });
    await near.journal.bury(near.lease);
    await near.journal.resign(near.lease);
    await until(() => heard.length === 4);
    expect(heard).toEqual([
      { about: 'due' },
      { about: 'deployed', workflow: version.workflow },
      { about: 'orphans' },
      { about: 'orphans' },
    ]);
  });

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

  it('end for who does not want to hear them any more', async () => {
    const { near, heard, connection } = await listening();
    const more: Bell[] = [];
    const end = near.journal.listen((bell) => more.push(bell));
    const far = await another(connection);
    await far.journal.deploy(version);
    await until(() => heard.length === 1);
    end();
    await far.journal.resign(far.lease);
    await until(() => heard.length === 2);
    expect(more).toEqual([{ about: 'deployed', workflow: version.workflow }]);
  });
});

describe('the bell of the feed', () => {
  it('is silent while nobody else is there', async () => {
    const { near, heard } = await listening();
    await near.journal.renew(near.lease, 60_000);
    near.journal.ring('feed');
    await near.journal.deploy(version);
    await until(() => heard.length === 1);
    expect(heard).toEqual([{ about: 'deployed', workflow: version.workflow }]);
  });

  it('rings for many appends a few times, and for the last one always', async () => {
    const { count, connection } = await listening();
    const far = await another(connection);
    await far.journal.renew(far.lease, 60_000);
    for (let n = 0; n < 1_000; n++) far.journal.ring('feed');
    await until(() => count('feed') >= 2);
    far.journal.ring('feed');
    await until(() => count('feed') >= 3);
    expect(count('feed')).toBe(3);
  });
});

describe('the view of nodes', () => {
  it('counts what each of them owns, and says who lives', async () => {
    const { near, connection } = await listening();
    const far = await another(connection);
    const kinds = [{}, {}, { wakeAt: Infinity }, { unowned: true }];
    const starts = kinds.map((over, n) => startRow(runId(n), over));
    await near.journal.append(near.lease, batch({ starts }));
    await far.journal.append(far.lease, batch({ starts: [startRow(runId(9), { wakeAt: 5 })] }));
    await far.journal.renew(far.lease, -1);
    const [first, second, ...rest] = await near.journal.views.nodes();
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ name: 'near', alive: true, active: 2, asleep: 1, epoch: 1 });
    expect(second).toMatchObject({ name: 'far', alive: false, active: 0, asleep: 1 });
    expect(second?.leaseUntil).toBeGreaterThan(1e12);
    await far.journal.resign(far.lease);
    const [, resigned] = await near.journal.views.nodes();
    expect(resigned).toMatchObject({ name: 'far', alive: false, leaseUntil: 0, asleep: 1 });
  });
});
