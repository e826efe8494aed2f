/**
 * Recorded workflows of production systems run whole, and the order of every one of their edges
 * is respected: the end of the source stands in the journal before the end of the target.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importWfFormat } from '../../language/wfformat.ts';
import { FOUND, present, readRecording } from '../recordings.ts';
import { type LocalTutti, openTutti } from './local-tutti.ts';

let tutti: LocalTutti;
beforeAll(async () => {
  tutti = await openTutti();
});
afterAll(() => tutti.close());

interface Recording {
  readonly workflow: {
    readonly specification: {
      readonly tasks: readonly { readonly id: string; readonly parents: readonly string[] }[];
    };
  };
}

async function expectEdges(json: Recording, tasks: number, edges: number): Promise<void> {
  const imported = importWfFormat(json, { timeScale: 0 });
  const { events } = await tutti.run(await tutti.deploy(imported.yaml));
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

describe(`recordings of WfCommons: ${FOUND}`, () => {
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
      await expectEdges(readRecording(file) as Recording, tasks, edges);
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
    const workflow = await tutti.deploy(JSON.stringify({ workflow: 'large', tasks }));
    const { events } = await tutti.run(workflow);
    expect(events).toHaveLength(100_002);
    expect(new Set(events.map((event) => ('task' in event ? event.task : ''))).size).toBe(100_001);
    expect(events.at(-1)).toMatchObject({ type: 'RunEnded', end: 'succeeded' });
  });
});
