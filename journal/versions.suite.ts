/** What every journal promises of workflows and their versions. */
import { expect, it } from 'vitest';
import type { Definition } from '../model/definition.ts';
import { alone, suite } from './subject.fixture.ts';

const definition: Definition = {
  name: 'w',
  title: 'Work',
  inputs: {},
  tasks: [],
  edges: [],
  pools: {},
};
const row = {
  workflow: 'w',
  definition,
  source: 'workflow: w',
  directory: '/work',
  deployedAt: 1_800_000_000_000,
  by: { actor: 'tester' },
};

export const versionsSuite = suite('versions', (open) => {
  it('are stored once, as they were written', async () => {
    const { journal } = await alone(open);
    expect(await journal.version('w', null)).toBeNull();
    expect(await journal.deploy(row)).toEqual({ version: 1, changed: true });
    // The same call, whose answer was lost, gets the same answer; a later one changes nothing.
    expect(await journal.deploy(row)).toEqual({ version: 1, changed: true });
    const later = { ...row, deployedAt: row.deployedAt + 1 };
    expect(await journal.deploy(later)).toEqual({ version: 1, changed: false });
    expect(await journal.deploy({ ...later, source: 'w2' })).toEqual({ version: 2, changed: true });
    const moved = { ...later, source: 'w2', directory: '/else' };
    expect(await journal.deploy(moved)).toEqual({ version: 3, changed: true });
    // What was there before the newest is new again.
    expect(await journal.deploy({ ...row, deployedAt: row.deployedAt + 2 })).toEqual({
      version: 4,
      changed: true,
    });
    expect(await journal.version('w', 1)).toEqual({ ...row, version: 1 });
    expect((await journal.version('w', null))?.version).toBe(4);
    expect(await journal.version('w', 9)).toBeNull();
  });

  it('are listed newest first, without what may be large', async () => {
    const { journal } = await alone(open);
    for (const source of ['a', 'b']) await journal.deploy({ ...row, source });
    const { items } = await journal.views.versions('w', null, 9);
    const { directory, deployedAt, by } = row;
    expect(items).toEqual([
      { workflow: 'w', version: 2, directory, deployedAt, by },
      { workflow: 'w', version: 1, directory, deployedAt, by },
    ]);
  });

  it('that are deployed at once are two', async () => {
    const { journal } = await alone(open);
    const sources = ['a', 'b', 'c'].map((source) => journal.deploy({ ...row, source }));
    const numbers = (await Promise.all(sources)).map((each) => each?.version ?? 0);
    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  it('that were checked beside each other are not both stored', async () => {
    const { journal } = await alone(open);
    const both = await Promise.all([
      journal.deploy({ ...row, workflow: 'a' }, new Map([['b', 0]])),
      journal.deploy({ ...row, workflow: 'b' }, new Map([['a', 0]])),
    ]);
    expect(both.filter((each) => each === null)).toHaveLength(1);
    const [stored, other] = both[0] === null ? ['b', 'a'] : ['a', 'b'];
    expect(await journal.version(other, null)).toBeNull();
    expect(await journal.deploy({ ...row, workflow: other }, new Map([[stored, 1]]))).toEqual({
      version: 1,
      changed: true,
    });
  });

  it('name their workflow in a list by name', async () => {
    const { journal } = await alone(open);
    for (const workflow of ['b', 'c', 'a']) await journal.deploy({ ...row, workflow });
    await journal.deploy({ ...row, workflow: 'a', source: 'new', deployedAt: 5 });
    const { items } = await journal.views.workflows(null, 9);
    const about = { title: 'Work', owner: null };
    expect(items).toEqual([
      { name: 'a', ...about, version: 2, deployedAt: 5 },
      { name: 'b', ...about, version: 1, deployedAt: row.deployedAt },
      { name: 'c', ...about, version: 1, deployedAt: row.deployedAt },
    ]);
  });
});
