/** What every journal promises of commands on many runs. */
import { expect, it } from 'vitest';
import { runId } from './rows.fixture.ts';
import { alone, type Member, pair, start, suite } from './subject.fixture.ts';

const by = { actor: 'tester' };
const ID = runId(900);
const bulk = { id: ID, verb: 'hold', filter: { workflow: 'w' }, by };

/** Runs 0 to 3, of which three are found. */
async function four(main: Member): Promise<readonly string[]> {
  return (await start(main, [{}, { workflow: 'v' }, {}, {}])).filter((_, n) => n !== 1);
}

export const bulksSuite = suite('bulks', (open) => {
  it('note the runs that the filter finds, once', async () => {
    const main = await alone(open);
    const { bulks } = main.journal;
    const runs = await four(main);
    expect(await bulks.count(bulk.filter)).toBe(3);
    expect(await bulks.count({ parent: 'nobody' })).toBe(0);
    for (let times = 0; times < 2; times++) {
      expect(await bulks.create(main.lease, bulk)).toEqual({ created: true, total: 3 });
    }
    expect(await bulks.open(ID, 2)).toEqual(runs.slice(0, 2));
    await start(main, [{}], 9);
    expect(await bulks.open(ID, 9)).toEqual(runs);
    expect(await bulks.find(ID)).toMatchObject({ ...bulk, total: 3, done: 0, endedAt: null });
    expect(await bulks.find(runId(404))).toBeNull();
    expect(await bulks.find('no id')).toBeNull();
  });

  it('are not made when their runs are not as many as was said', async () => {
    const main = await alone(open);
    const { bulks } = main.journal;
    await four(main);
    const miscounted = await bulks.create(main.lease, { ...bulk, expected: 2 });
    expect(miscounted).toEqual({ created: false, total: 3 });
    expect(await bulks.find(ID)).toBeNull();
    const right = await bulks.create(main.lease, { ...bulk, expected: 3 });
    expect(right).toEqual({ created: true, total: 3 });
    const none = { ...bulk, id: runId(901), filter: { workflow: 'x' } };
    expect(await bulks.create(main.lease, none)).toEqual({ created: true, total: 0 });
    expect((await bulks.find(none.id))?.endedAt).not.toBeNull();
  });

  it('count each outcome once, keep the refusals, and end with the last', async () => {
    const main = await alone(open);
    const { bulks } = main.journal;
    const [a = '', b = '', c = ''] = await four(main);
    await bulks.create(main.lease, bulk);
    const done = { outcome: 'done', message: null };
    const refused = { outcome: 'run.ended', message: 'It has ended.' };
    await bulks.report(ID, [
      { run: c, ...refused },
      { run: a, ...done },
    ]);
    await bulks.report(ID, [{ run: a, ...refused }]);
    expect(await bulks.find(ID)).toMatchObject({ done: 1, refused: 1, endedAt: null });
    expect(await bulks.open(ID, 9)).toEqual([b]);
    await bulks.report(ID, [{ run: b, ...refused }]);
    expect(await bulks.find(ID)).toMatchObject({ done: 1, refused: 2, cancelledAt: null });
    expect((await bulks.find(ID))?.endedAt).not.toBeNull();
    expect(await bulks.refusals(ID, 9)).toEqual([
      { run: b, ...refused },
      { run: c, ...refused },
    ]);
    expect(await bulks.refusals(ID, 1)).toHaveLength(1);
  });

  it('leave the rest alone when they are cancelled', async () => {
    const main = await alone(open);
    const { bulks } = main.journal;
    await four(main);
    await bulks.create(main.lease, bulk);
    await bulks.cancel(ID);
    await bulks.cancel('no id');
    expect(await bulks.open(ID, 9)).toEqual([]);
    const row = await bulks.find(ID);
    expect(row?.cancelledAt).not.toBeNull();
    expect(row?.endedAt).toBe(row?.cancelledAt);
    expect(await bulks.claim(main.lease)).toEqual([]);
  });

  it('are taken over when their node is gone', async () => {
    const [main, heir] = await pair(open, 'main', 'heir');
    await four(main);
    await main.journal.bulks.create(main.lease, bulk);
    expect(await heir.journal.bulks.claim(heir.lease)).toEqual([]);
    expect(await main.journal.bulks.claim(main.lease)).toEqual([ID]);
    await main.journal.resign(main.lease);
    expect(await main.journal.bulks.claim(main.lease)).toEqual([]);
    expect(await heir.journal.bulks.claim(heir.lease)).toEqual([ID]);
  });
});
