/** What every journal promises of pools: whose they are, and how large. */
import { expect, it } from 'vitest';
import { grant } from '../kernel/slots.ts';
import { document, version, want } from './pools.fixture.ts';
import { alone, start, suite } from './subject.fixture.ts';

export const poolsSuite = suite('pools', (open) => {
  it('that a workflow declares are its own, whatever others call theirs', async () => {
    const main = await alone(open);
    const { journal, lease } = main;
    await start(main, [{}, {}, {}, {}, {}]);
    await journal.deploy(version('b', { dock: 2 }));
    await journal.deploy(version('a', { dock: 1 }));
    expect(await journal.pools()).toMatchObject([
      { name: 'a/dock', capacity: 1, workflow: 'a', version: 0, sharedBy: [], used: 0 },
      { name: 'b/dock', capacity: 2, workflow: 'b' },
    ]);
    const wants = [want(1, 'a/dock'), want(2, 'a/dock'), want(3, 'b/dock'), want(4, 'b/dock')];
    const { granted } = await journal.slots.acquire(lease, wants, grant);
    expect(granted).toEqual([true, false, true, true]);
    expect(await journal.pools()).toMatchObject([{ used: 1 }, { used: 2 }]);
  });

  it('have the size of the newest version, also downwards; one that it leaves out stays', async () => {
    const main = await alone(open);
    const { journal, lease } = main;
    await start(main, [{}, {}, {}, {}]);
    await journal.deploy(version('a', { dock: 2, crane: 4 }));
    const both = [want(1, 'a/dock'), want(2, 'a/dock')];
    expect((await journal.slots.acquire(lease, both, grant)).granted).toEqual([true, true]);
    await journal.deploy(version('a', { dock: 1 }));
    expect(await journal.pools()).toMatchObject([
      { name: 'a/crane', capacity: 4 },
      { capacity: 1 },
    ]);
    const next = [want(3, 'a/dock')];
    const waits = await journal.slots.acquire(lease, next, grant);
    expect(waits).toMatchObject({ granted: [false], pools: [{ used: 2, capacity: 1 }] });
    await journal.slots.release(lease, both.slice(0, 1));
    expect((await journal.slots.acquire(lease, next, grant)).granted).toEqual([false]);
    await journal.slots.release(lease, both.slice(1));
    expect((await journal.slots.acquire(lease, next, grant)).granted).toEqual([true]);
  });

  it('that are documents have versions, and the size of the newest', async () => {
    const { journal } = await alone(open);
    const first = document('licence', 2);
    expect(await journal.deployPool(first)).toEqual({ version: 1, changed: true });
    expect(await journal.deployPool(first)).toEqual({ version: 1, changed: true });
    const again = document('licence', 2, 2);
    expect(await journal.deployPool(again)).toEqual({ version: 1, changed: false });
    const smaller = document('licence', 1);
    expect(await journal.deployPool(smaller)).toEqual({ version: 2, changed: true });
    expect(await journal.pools()).toMatchObject([
      { name: 'licence', capacity: 1, workflow: null, version: 2, title: 'Licences', owner: null },
    ]);
  });
});
