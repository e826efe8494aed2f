import { expect, test } from 'vitest';
import type { Journal, LogRow } from '../journal/journal.ts';
import type { Flight } from './flight.ts';
import { LogWriter } from './log-writer.ts';

const flight = { run: { id: 'r' }, task: 't', attempt: 1 } as Flight;

/** A journal whose every append waits until the test lets it land. */
function slowJournal(): { journal: Journal; appends: LogRow[][]; land: () => void } {
  const appends: LogRow[][] = [];
  const waiting: (() => void)[] = [];
  const appendLogs = (rows: readonly LogRow[]): Promise<void> => {
    appends.push([...rows]);
    return new Promise((resolve) => waiting.push(resolve));
  };
  const journal = { appendLogs } as unknown as Journal;
  return { journal, appends, land: () => waiting.shift()?.() };
}

const writerOf = (journal: Journal): LogWriter =>
  new LogWriter(
    journal,
    () => 0,
    (text) => text,
  );

test('a read of several chunks is one append, with its cursor', async () => {
  const { journal, appends, land } = slowJournal();
  const writer = writerOf(journal);
  const cursor = { out: 1, err: 1 };
  writer.write(flight, { stream: 'out', text: 'o' }, { stream: 'err', text: 'e', cursor });
  expect(appends).toEqual([
    [
      expect.objectContaining({ position: 0, text: 'o', cursor: null }),
      expect.objectContaining({ position: 1, text: 'e', cursor }),
    ],
  ]);
  land();
  await writer.flush(flight);
});

test('a full batch is not closed inside a read', async () => {
  const { journal, appends, land } = slowJournal();
  const writer = writerOf(journal);
  writer.write(flight, { stream: 'note', text: 'first' });
  for (let n = 0; n < 300; n += 1) {
    writer.write(
      flight,
      { stream: 'out', text: 'o' },
      { stream: 'out', text: 'o' },
      { stream: 'err', text: 'e', cursor: n },
    );
  }
  const written = writer.flush(flight);
  while (appends.flat().length < 901) {
    const before = appends.length;
    land();
    while (appends.length === before) await Promise.resolve();
  }
  land();
  await written;
  expect(appends.length).toBeGreaterThan(2);
  for (const rows of appends.slice(1)) expect(rows.at(-1)?.cursor).not.toBeNull();
});
