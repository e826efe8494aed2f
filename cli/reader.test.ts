import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Reader } from './reader.ts';

const readers: Reader[] = [];
afterEach(async () => {
  await Promise.all(readers.splice(0).map((reader) => reader.close()));
});

function open(limits: ConstructorParameters<typeof Reader>[0] = {}): Reader {
  const reader = new Reader(limits);
  readers.push(reader);
  return reader;
}

function chain(count: number): string {
  const tasks = Array.from({ length: count }, (_, at) => {
    return `  t${at}: { action: tutti.noop${at === 0 ? '' : `, needs: [t${at - 1}]`} }`;
  });
  return `workflow: chain\ntasks:\n${tasks.join('\n')}\n`;
}

/**
 * What the thread of the caller did meanwhile, in milliseconds of its processor: not of the clock,
 * for on a busy machine a thread also waits for a core. Only Linux tells.
 */
async function busyDuring(work: () => Promise<unknown>): Promise<number> {
  const before = processorMs();
  await work();
  return processorMs() - before;
}
function processorMs(): number {
  const file = '/proc/thread-self/schedstat';
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e6 : 0;
}

describe('the reader', () => {
  it('reads small files where it is, and large ones in a thread, alike', async () => {
    const reader = open();
    const small = await reader.read(chain(2), {});
    expect(small).toMatchObject({ problems: [], definition: { name: 'chain' } });
    const large = await reader.read(chain(300), {});
    expect(large.problems).toEqual([]);
    expect(large.definition?.tasks).toHaveLength(300);
  });

  it('reads one large file after another in the same thread', async () => {
    const reader = open({ threads: 1 });
    for (const count of [300, 200, 100])
      expect((await reader.read(chain(count), {})).definition?.tasks).toHaveLength(count);
  });

  it('says where the mistakes of a large file are', async () => {
    const source = `${chain(300)}  bad: { action: tutti.nop }\n`;
    const { definition, problems } = await open().read(source, { file: 'chain.yaml' });
    expect(definition).toBeNull();
    expect(problems).toMatchObject([{ file: 'chain.yaml', line: 303, code: 'action.unknown' }]);
  });

  it('leaves its thread to others while it reads', async () => {
    const reader = open();
    const busyMs = await busyDuring(() => reader.read('\n'.repeat(300_000) + chain(1), {}));
    expect(busyMs).toBeLessThan(500);
  });

  it('keeps a thread for small files however many large ones wait', async () => {
    const reader = open();
    const ended: string[] = [];
    const reading = (name: string, source: string) =>
      reader.read(source, {}).then(() => ended.push(name));
    const large = '\n'.repeat(300_000) + chain(1);
    const all = ['a', 'b', 'c', 'd'].map((name) => reading(name, large));
    const small = ['x', 'y', 'z'].map((name) => reading(name, chain(300)));
    await Promise.all([...all, ...small]);
    // Those large ones that wait are read one after another, while the small ones pass them by.
    expect(ended.filter((name) => 'abcd'.includes(name))).toEqual(['a', 'b', 'c', 'd']);
    expect(ended.indexOf('x')).toBeLessThan(ended.indexOf('d'));
  });

  it('ends a reading that takes too long, and reads the next one', async () => {
    const reader = open({ threads: 1, timeMs: 3_000 });
    const long = reader.read('\n'.repeat(20_000_000) + chain(1), {});
    const next = reader.read(chain(100), {});
    expect(await long).toMatchObject({
      definition: null,
      problems: [{ code: 'source.limit', message: expect.stringContaining('longer than 3 s') }],
    });
    expect((await next).definition?.name ?? (await next).problems[0]?.code).toMatch(
      /^(chain|source.limit)$/,
    );
  });

  it('ends a reading that takes too much memory', async () => {
    const reader = open({ memoryMb: 80 });
    const { problems } = await reader.read(`workflow: x\na: [${'1,'.repeat(8_000_000)}]\n`, {});
    expect(problems).toMatchObject([{ code: 'source.limit' }]);
    expect(problems[0]?.message).toMatch(/80 MB|30 s/);
  });

  it('answers who waits when it is closed', async () => {
    const reader = open({ threads: 1 });
    const answers = Promise.all([reader.read(chain(400), {}), reader.read(chain(400), {})]);
    await reader.close();
    for (const { definition, problems } of await answers)
      expect(definition ?? problems[0]).toBeDefined();
  });
});
