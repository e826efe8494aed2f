/** What every journal promises of pages, whatever is listed. */
import { expect, it } from 'vitest';
import type { Definition } from '../model/definition.ts';
import { runId } from './rows.fixture.ts';
import { alone, pagesOf, start, suite } from './subject.fixture.ts';

const by = { actor: 'tester' };
const definition: Definition = { name: 'w', inputs: {}, tasks: [], edges: [], pools: {} };
const scope = { endedBefore: 1, logsBefore: null, workflow: null, archive: null, applies: false };

export const pageSuite = suite('page', (open) => {
  it('follows page, of every list, and one that is no cursor of it is refused', async () => {
    const main = await alone(open);
    const { journal, lease } = main;
    await start(main, [{}, {}, {}]);
    for (const n of [1, 2, 3]) {
      const source = `version ${n}`;
      for (const workflow of ['w', `w${n}`]) {
        const about = { workflow, source, directory: '/', deployedAt: n, by };
        await journal.deploy({ ...about, definition: { ...definition, name: workflow } });
      }
      await journal.bulks.create(lease, { id: runId(10 + n), verb: 'hold', filter: {}, by });
      await journal.retentions.create(lease, { id: runId(20 + n), scope, by });
    }
    const { views, bulks, retentions } = journal;
    const lists = {
      runs: (after: string | null, limit: number) =>
        views.runs({ limit, ...(after !== null && { after }) }),
      versions: (after: string | null, limit: number) => views.versions('w', after, limit),
      workflows: (after: string | null, limit: number) => views.workflows(after, limit),
      bulks: (after: string | null, limit: number) => bulks.list(after, limit),
      retentions: (after: string | null, limit: number) => retentions.list(after, limit),
    };
    for (const [name, list] of Object.entries(lists)) {
      const whole = (await list(null, 100)).items;
      expect([name, whole.length]).toEqual([name, name === 'workflows' ? 4 : 3]);
      for (const limit of [0, 1, 2]) {
        expect(await pagesOf((after) => list(after, limit) as never)).toEqual(whole);
      }
      for (const after of ['', 'x', 'W10', Buffer.from('[1,2,3]').toString('base64url')]) {
        await expect(list(after, 1)).rejects.toMatchObject({ code: 'request.invalid' });
      }
    }
  });
});
