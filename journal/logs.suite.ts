/** What every journal promises of logs. */
import { expect, it } from 'vitest';
import type { LogFilter, StoredLogChunk } from './logs.ts';
import { runId } from './rows.fixture.ts';
import { alone, type Member, suite } from './subject.fixture.ts';

function row(position: number, over: Partial<StoredLogChunk> = {}): StoredLogChunk {
  return {
    run: runId(0),
    task: 'b',
    attempt: 1,
    position,
    stream: 'out',
    at: 1_800_000_000_001,
    text: `line ${position}\n`,
    cursor: null,
    ...over,
  };
}

/** Page after page, until there is nothing after the last. */
async function sizesOf(
  { journal }: Member,
  filter: Omit<LogFilter, 'run'>,
): Promise<{ sizes: number[]; seen: string[] }> {
  const [sizes, seen]: [number[], string[]] = [[], []];
  for (let after: string | undefined; ; ) {
    const page = await journal.views.logs({
      run: runId(0),
      ...filter,
      ...(after !== undefined && { after }),
    });
    seen.push(...page.items.map((each) => `${each.task}${each.attempt}.${each.position}`));
    if (page.items.length > 0) sizes.push(page.items.length);
    if (page.next === null) return { sizes, seen };
    after = page.next;
  }
}

export const logsSuite = suite('logs', (open) => {
  it('keep a position once, and know where to read on', async () => {
    const { journal } = await alone(open);
    const none = { position: 0, cursor: null, bytes: 0 };
    expect(await journal.logEnd(runId(0), 'b', 1)).toEqual(none);
    await journal.appendLogs([]);
    await journal.appendLogs([row(0), row(1, { cursor: { offset: 14 } }), row(2)]);
    await journal.appendLogs([row(1, { text: 'again' }), row(3, { text: 'NUL \0 "\\' })]);
    expect(await journal.logEnd(runId(0), 'b', 1)).toEqual({
      position: 4,
      cursor: { offset: 14 },
      bytes: 3 * 7 + 10,
    });
    const page = await journal.views.logs({ run: runId(0), task: 'b', limit: 10 });
    const texts = page.items.map((each) => each.text);
    expect(texts).toEqual(['line 0\n', 'line 1\n', 'line 2\n', 'NUL \ufffd "\\']);
    expect(page.items[1]).toEqual(row(1, { cursor: { offset: 14 } }));
    expect(page.more).toBe(false);
  });

  it('of a task come by position, and those of a run by arrival', async () => {
    const main = await alone(open);
    await main.journal.appendLogs([row(0, { attempt: 2, at: 5 }), row(0, { task: 'a', at: 9 })]);
    await main.journal.appendLogs([row(0), row(1, { at: 1 })]);
    const read = async (filter: Omit<LogFilter, 'run' | 'limit'>): Promise<string[]> =>
      (await sizesOf(main, { limit: 1, ...filter })).seen;
    expect(await read({})).toEqual(['b2.0', 'a1.0', 'b1.0', 'b1.1']);
    expect(await read({ task: 'b' })).toEqual(['b1.0', 'b1.1', 'b2.0']);
    expect(await read({ task: 'b', attempt: 1 })).toEqual(['b1.0', 'b1.1']);
    expect(await read({ task: 'c' })).toEqual([]);
    const other = await main.journal.views.logs({ run: 'no id', limit: 1 });
    expect(other).toEqual({ items: [], next: null, more: false });
  });

  it('come in pages by size, too, and say when there is more', async () => {
    const main = await alone(open);
    const text = 'x'.repeat(64 * 1024);
    const rows = Array.from({ length: 40 }, (_, position) => row(position, { text }));
    await main.journal.appendLogs(rows);
    expect((await sizesOf(main, { limit: 500 })).sizes).toEqual([16, 16, 8]);
    const page = await main.journal.views.logs({ run: runId(0), task: 'b', limit: 3 });
    expect(page).toMatchObject({ more: true, items: { length: 3 } });
  });

  it('may be many at once', async () => {
    const { journal } = await alone(open);
    await journal.appendLogs(Array.from({ length: 4_100 }, (_, position) => row(position)));
    expect((await journal.logEnd(runId(0), 'b', 1)).position).toBe(4_100);
  });
});
