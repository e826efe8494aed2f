/** Logs of attempts in memory, in the order of their arrival. */
import type { LogProgress, LogFilter, LogPage, StoredLogChunk } from '../logs.ts';
import { clampLimit, readCursor, writeCursor } from '../page.ts';
import type { MemoryStore } from './store.ts';

const PAGE_BYTES = 1_000_000;

type StoredLog = StoredLogChunk & { readonly arrival: number };

export function appendLogs(store: MemoryStore, rows: readonly StoredLogChunk[]): void {
  for (const row of rows) {
    const key = JSON.stringify([row.run, row.task, row.attempt, row.position]);
    if (store.logs.has(key)) continue;
    store.arrivals += 1;
    // A log with NUL is still a log, and a database's text cannot hold it.
    const text = row.text.replaceAll('\0', '\ufffd');
    store.logs.set(key, { ...row, text, arrival: store.arrivals });
  }
}

export function logEnd(
  store: MemoryStore,
  run: string,
  task: string,
  attempt: number,
): LogProgress {
  const rows = [...store.logs.values()]
    .filter((row) => row.run === run && row.task === task && row.attempt === attempt)
    .toSorted((a, b) => a.position - b.position);
  return {
    position: (rows.at(-1)?.position ?? -1) + 1,
    cursor: rows.findLast((row) => row.cursor !== null)?.cursor ?? null,
    bytes: rows.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
  };
}

/** One task by attempt and position, a whole run by arrival. */
export function readLogs(store: MemoryStore, filter: LogFilter): LogPage {
  const { run, task, attempt, after, limit } = filter;
  const found = [...store.logs.values()]
    .filter((row) => row.run === run)
    .filter((row) => task === undefined || row.task === task)
    .filter((row) => attempt === undefined || row.attempt === attempt)
    .filter(isAfter(task, after))
    .toSorted((a, b) =>
      task === undefined ? a.arrival - b.arrival : a.attempt - b.attempt || a.position - b.position,
    );
  const page: StoredLog[] = [];
  let bytes = 0;
  for (const row of found.slice(0, clampLimit(limit))) {
    if (bytes >= PAGE_BYTES) break;
    page.push(row);
    bytes += Buffer.byteLength(row.text);
  }
  const last = page.at(-1);
  if (last === undefined) return { items: [], next: null, more: false };
  const next = task === undefined ? [last.arrival] : [last.attempt, last.position];
  const items = page.map(({ arrival: _arrival, ...row }) => row);
  return { items, next: writeCursor(next), more: found.length > page.length };
}

function isAfter(task: string | undefined, after: string | undefined): (row: StoredLog) => boolean {
  if (after === undefined) return () => true;
  if (task === undefined) {
    const [arrival] = readCursor(after, ['number']);
    return (row) => row.arrival > Number(arrival);
  }
  const [attempt, position] = readCursor(after, ['number', 'number']).map(Number);
  return (row) =>
    row.attempt > Number(attempt) || (row.attempt === attempt && row.position > Number(position));
}
