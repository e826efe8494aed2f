/** What every journal promises of nodes. */
import { expect, it } from 'vitest';
import { batch, runId, startRow } from './rows.fixture.ts';
import { pair, start, suite } from './subject.fixture.ts';

export const nodesSuite = suite('nodes', (open) => {
  it('are shown with what each of them owns, and whether it lives', async () => {
    const [near, far] = await pair(open, 'near', 'far');
    await start(near, [{}, {}, { wakeAt: Infinity }, { unowned: true }]);
    await far.journal.append(far.lease, batch({ starts: [startRow(runId(9), { wakeAt: 5 })] }));
    await far.journal.renew(far.lease, -1);
    const [first, second, ...rest] = await near.journal.views.nodes();
    expect(rest).toEqual([]);
    const { node, epoch } = near.lease;
    expect(first).toMatchObject({ node, epoch, name: 'near', url: null, active: 2, asleep: 1 });
    expect(first?.alive).toBe(true);
    expect(second).toMatchObject({ name: 'far', alive: false, active: 0, asleep: 1 });
    expect(second?.leaseUntil).toBeGreaterThan(1e12);
    await far.journal.resign(far.lease);
    const [, resigned] = await near.journal.views.nodes();
    expect(resigned).toMatchObject({ name: 'far', alive: false, leaseUntil: 0, asleep: 1 });
  });

  it('have the address that they registered with last', async () => {
    const [near, far] = await pair(open, 'near', 'far');
    for (const url of ['http://one', 'http://two']) await far.journal.register('far', 1_000, url);
    const nodes = await near.journal.views.nodes();
    expect(nodes.map(({ name, url }) => [name, url])).toEqual([
      ['near', null],
      ['far', 'http://two'],
    ]);
  });

  it('share one key', async () => {
    const [near, far] = await pair(open, 'near', 'far');
    const key = await near.journal.nodeKey();
    expect(key).toHaveLength(32);
    expect([...(await far.journal.nodeKey())]).toEqual([...key]);
  });
});
