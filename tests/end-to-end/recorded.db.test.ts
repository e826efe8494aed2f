/**
 * Recorded workflows of production systems run whole, and the order of every one of their edges
 * is respected: the end of the source stands in the journal before the end of the target.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importWfFormat } from '../../model/wfformat.ts';
import { type House, openHouse } from './house.ts';

const FOLDER =
  process.env['TUTTI_WFINSTANCES'] ?? join(import.meta.dirname, '../../../shared/data/wfinstances');
const RECORDINGS: readonly (readonly [string, number, number])[] = [
  ['helloworld-chain-5-chameleon.json', 5, 4],
  ['hic-dirt02-001.json', 38, 47],
  ['blast-chameleon-small-003.json', 43, 120],
  ['1000genome-chameleon-4ch-250k-001.json', 164, 212],
  ['1000genome-chameleon-16ch-100k-001.json', 416, 608],
  ['bwa-chameleon-medium-005.json', 1004, 4000],
];
const present = RECORDINGS.filter(([file]) => existsSync(join(FOLDER, file)));

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

interface Recording {
  readonly workflow: {
    readonly specification: {
      readonly tasks: readonly { readonly id: string; readonly parents: readonly string[] }[];
    };
  };
}

async function expectEdges(json: Recording, tasks: number, edges: number): Promise<void> {
  const imported = importWfFormat(json, { timeScale: 0 });
  const { events } = await house.run(await house.deploy(imported.yaml));
  const place = new Map<string, number>();
  events.forEach((event, index) => {
    if (event.type === 'TaskEnded') place.set(event.task, index);
  });
  expect(events.at(-1)).toMatchObject({ type: 'RunEnded', end: 'succeeded' });
  expect(place.size).toBe(tasks);
  const drawn = json.workflow.specification.tasks.flatMap(({ id, parents }) =>
    parents.map(
      (parent) => [imported.names.get(parent) ?? '', imported.names.get(id) ?? ''] as const,
    ),
  );
  expect(drawn).toHaveLength(edges);
  const broken = drawn.filter(
    ([from, to]) => (place.get(from) ?? Infinity) >= (place.get(to) ?? -1),
  );
  expect(broken).toEqual([]);
}

// The recordings are not part of the repository: the title says how many were found.
describe(`recordings of WfCommons: ${present.length} of ${RECORDINGS.length} present`, () => {
  it('a diamond like theirs runs in order', async () => {
    const task = (id: string, parents: string[], children: string[]) => ({
      name: id,
      id,
      parents,
      children,
    });
    const specification = {
      tasks: [
        task('a', [], ['b', 'c']),
        task('b', ['a'], ['d']),
        task('c', ['a'], ['d']),
        task('d', ['b', 'c'], []),
      ],
      files: [],
    };
    const execution = { tasks: ['a', 'b', 'c', 'd'].map((id) => ({ id, runtimeInSeconds: 1 })) };
    const json = { name: 'diamond', schemaVersion: '1.5', workflow: { specification, execution } };
    await expectEdges(json, 4, 4);
  });

  it.each(present)(
    '%s runs its %d tasks in the order of its %d edges',
    async (file, tasks, edges) => {
      await expectEdges(
        JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Recording,
        tasks,
        edges,
      );
    },
  );
});

describe('law 8 at size', () => {
  it('runs 100,000 tasks of one run, each once', async () => {
    const width = 100;
    const tasks = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, i) => [
        `t${i}`,
        { action: 'tutti.noop', ...(i >= width && { needs: [`t${i - width}`] }) },
      ]),
    );
    const workflow = await house.deploy(JSON.stringify({ workflow: 'large', tasks }));
    const { events } = await house.run(workflow);
    expect(events).toHaveLength(100_002);
    expect(new Set(events.map((event) => ('task' in event ? event.task : ''))).size).toBe(100_001);
    expect(events.at(-1)).toMatchObject({ type: 'RunEnded', end: 'succeeded' });
  });
});
