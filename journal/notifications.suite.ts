/** What every journal promises of notifications. */
import { expect, it } from 'vitest';
import type { Definition } from '../model/definition.ts';
import { batch, eventRow, runId, startRow } from './rows.fixture.ts';
import { Listener, LEASE_MS, pair, start, suite } from './subject.fixture.ts';

const definition: Definition = { name: 'w', inputs: {}, tasks: [], edges: [], pools: {} };
const version = {
  workflow: 'w "quoted"',
  definition,
  source: 'workflow: w',
  directory: '/work',
  deployedAt: 1_800_000_000_000,
  by: { actor: 'tester' },
};
const pool = {
  pool: { name: 'p', slots: 1 },
  source: 'pool: p',
  deployedAt: 1,
  by: { actor: 'tester' },
};

export const notificationsSuite = suite('notifications', (open) => {
  it('are sent with what they tell of, and for nothing that was not done', async () => {
    const [near, far] = await pair(open, 'near', 'far');
    const listener = await Listener.at(near.journal);
    await start(far, [{}]);
    await start(far, [{ unowned: true, key: 'k' }, {}], 2);
    await listener.until(() => listener.received.length === 1);
    const twice = [startRow(runId(4), { unowned: true, key: 'k' })];
    await far.journal.append(far.lease, batch({ starts: twice }));
    await far.journal.deploy(version);
    await far.journal.deploy(version);
    await far.journal.deployPool(pool);
    await far.journal.deployPool(pool);
    await far.journal.renew(far.lease, -1);
    await near.journal.fenceExpired(near.lease);
    const stale = [startRow(runId(5), { unowned: true })];
    const fenced = await far.journal.append(far.lease, batch({ starts: stale }));
    expect(fenced).toEqual({ kind: 'fenced' });
    await near.journal.fenceExpired(near.lease);
    await near.journal.resign(near.lease);
    await listener.until(() => listener.received.length === 5);
    expect(listener.received).toEqual([
      { about: 'due' },
      { about: 'deployed', workflow: version.workflow },
      { about: 'pools' },
      { about: 'orphans' },
      { about: 'orphans' },
    ]);
  });

  it('end for a listener that has left', async () => {
    const [near, far] = await pair(open, 'near', 'far');
    const listener = await Listener.at(near.journal);
    const more: string[] = [];
    const leave = near.journal.listen(({ about }) => more.push(about));
    await far.journal.deploy(version);
    await listener.until(() => listener.received.length === 1);
    leave();
    await far.journal.resign(far.lease);
    await listener.until(() => listener.received.length === 2);
    expect(more).toEqual(['deployed']);
  });

  it('of the feed are silent while no other node is there', async () => {
    const [near, far] = await pair(open, 'near', 'far');
    await far.journal.resign(far.lease);
    await near.journal.renew(near.lease, LEASE_MS);
    const listener = await Listener.at(near.journal);
    near.journal.notify('feed');
    await near.journal.deploy(version);
    await listener.until(() => listener.count('deployed') === 1);
    expect(listener.count('feed')).toBe(0);
  });

  it('of the feed are sent a few times for many appends, and for the last one always', async () => {
    const [near, far] = await pair(open, 'near', 'far');
    const listener = await Listener.at(near.journal);
    await far.journal.renew(far.lease, LEASE_MS);
    await far.journal.append(
      far.lease,
      batch({ starts: [startRow(runId(1))], events: [eventRow(runId(1), 0)] }),
    );
    for (let n = 0; n < 1_000; n++) far.journal.notify('feed');
    await listener.until(() => listener.count('feed') >= 1);
    const some = listener.count('feed');
    far.journal.notify('feed');
    await listener.until(() => listener.count('feed') > some);
    expect(listener.count('feed')).toBeLessThanOrEqual(3);
  });
});
