/** Appending to a store in memory: all of a batch or nothing, and the truth about it, as PostgreSQL tells it. */
import { TuttiError } from '../../model/errors.ts';
import type { AppendResult, Batch, EventRow, RunRow } from '../append.ts';
import type { NodeLease } from '../ownership.ts';
import type { MemoryStore } from './store.ts';
import type { MemoryRun } from './rows.ts';

export function append(store: MemoryStore, lease: NodeLease, batch: Batch): AppendResult {
  if (!store.holds(lease)) return { kind: 'fenced' };
  const unfit = batch.events.find(({ data }) => !isJson(data));
  if (unfit !== undefined) return refusal(null, 'the data of an event is not JSON');
  const taken = takenKey(store, batch.starts);
  const others = conflicts(store, batch);
  if (taken !== null || others.length > 0) return truth(store, batch, taken, others);
  write(store, lease, batch);
  return { kind: 'committed' };
}

/** Something of the batch is there: it is this very batch, or its writer has a wrong memory. */
function truth(
  store: MemoryStore,
  batch: Batch,
  taken: string | null,
  others: readonly string[],
): AppendResult {
  const [event] = batch.events;
  const [start] = batch.starts;
  if (event !== undefined) {
    const there = store.rows.get(event.run)?.events[event.seq];
    if (there !== undefined)
      return isSame(there, event) ? { kind: 'committed' } : otherwise(others);
  } else if (start !== undefined && store.rows.has(start.id)) return { kind: 'committed' };
  return taken === null ? otherwise(others) : { kind: 'key-exists', run: taken };
}

function otherwise(runs: readonly string[]): AppendResult {
  return refusal(runs, `the journal continued otherwise with run ${runs.join(', ')}`);
}

function refusal(runs: readonly string[] | null, words: string): AppendResult {
  return { kind: 'refused', runs, error: new TuttiError('write.refused', words) };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // ignored: the refusal is the answer.
    return false;
  }
}

function isSame(a: EventRow, b: EventRow): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function nameOf({ workflow, key }: RunRow): string {
  return JSON.stringify([workflow, key]);
}

/** The first run of the batch with a key that another has, in the store or before it in the batch. */
function takenKey(store: MemoryStore, starts: readonly RunRow[]): string | null {
  const keyed = starts.filter(({ key }) => key !== null);
  if (keyed.length === 0) return null;
  const owners = new Map<string, string>();
  for (const { start } of store.rows.values())
    if (start.key !== null) owners.set(nameOf(start), start.id);
  for (const start of keyed) {
    const owner = owners.get(nameOf(start));
    if (owner !== undefined && owner !== start.id) return start.id;
    owners.set(nameOf(start), start.id);
  }
  return null;
}

/** Runs that the store knows otherwise. */
function conflicts(store: MemoryStore, { starts, events }: Batch): string[] {
  const begun = starts.filter(({ id }) => store.rows.has(id)).map(({ id }) => id);
  const written = events
    .filter(({ run, seq }) => (store.rows.get(run)?.events.length ?? 0) > seq)
    .map(({ run }) => run);
  return [...new Set([...begun, ...written])];
}

function write(store: MemoryStore, lease: NodeLease, { starts, events, updates }: Batch): void {
  for (const start of starts) {
    const owner = start.unowned === true ? null : lease.node;
    store.rows.set(start.id, { start, update: undefined, owner, awake: false, events: [] });
  }
  for (const event of events) {
    const row = rowOf(store, event.run);
    if (event.seq !== row.events.length)
      throw new Error(`event ${event.seq} of ${event.run} after ${row.events.length - 1}`);
    row.events.push(event);
  }
  for (const update of updates) {
    const row = store.rows.get(update.run);
    if (row === undefined) continue;
    row.update = update;
    row.awake = false;
  }
  if (events.length > 0) store.feed.push({ before: store.feedEnd, events });
  if (starts.some(({ unowned }) => unowned === true)) store.notifier.notify({ about: 'due' });
}

function rowOf(store: MemoryStore, run: string): MemoryRun {
  const row = store.rows.get(run);
  if (row === undefined) throw new TuttiError('internal', `no run ${run}`);
  return row;
}
