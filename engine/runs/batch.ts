/** One append: the entries of several runs that go to the journal in one transaction, and how much fits into it. */
import type { Batch, EventRow, RunRow, RunUpdate } from '../../journal/append.ts';
import type { Fifo } from '../fifo.ts';
import type { LiveRun } from './live-run.ts';

const MOST_EVENTS = 2_000;
/** At most 16 MB, as UTF-8 has up to three bytes for each. */
const MOST_CHARACTERS = 5_000_000;
/** What is ready is shared between the free connections, unless it is too little to be worth two trips. */
const FEWEST_RUNS = 50;

interface RoomInBatch {
  events: number;
  characters: number;
}

/** Takes runs with entries to be committed: this connection's share of them, or fewer when they fill a batch. */
export function gather(ready: Fifo<LiveRun>, freeConnections: number): LiveRun[] {
  const most = Math.max(FEWEST_RUNS, Math.ceil(ready.size / freeConnections));
  const taken: LiveRun[] = [];
  const room = { events: MOST_EVENTS, characters: MOST_CHARACTERS };
  while (room.events > 0 && room.characters > 0 && taken.length < most) {
    const run = ready.shift();
    if (run === undefined) break;
    takeOff(run, room);
    taken.push(run);
  }
  return taken;
}

/** Takes a run's entries to be committed, until the batch is full; the first of all always finds room. */
function takeOff(run: LiveRun, room: RoomInBatch): void {
  let count = 0;
  for (const entry of run.pending) {
    if (room.events <= 0 || room.characters <= 0) break;
    room.events -= entry.events.length + 1;
    room.characters -= entry.characters;
    count += 1;
  }
  if (count < run.pending.length) {
    run.committing = run.pending.splice(0, count);
  } else {
    run.committing = run.pending;
    run.pending = [];
  }
}

export function batchOf(taken: readonly LiveRun[]): Batch {
  const starts: RunRow[] = [];
  const events: EventRow[] = [];
  const updates: RunUpdate[] = [];
  for (const { committing } of taken) {
    let update: RunUpdate | undefined;
    for (const entry of committing ?? []) {
      if (entry.start !== undefined) starts.push(entry.start);
      for (const event of entry.events) events.push(event);
      update = entry.update ?? update;
    }
    if (update !== undefined) updates.push(update);
  }
  return { starts, events, updates };
}
