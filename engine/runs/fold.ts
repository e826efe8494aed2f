/** A run as the journal has it, folded: what its owner holds in memory, before anything follows from it. */
import type { EventRow } from '../../journal/append.ts';
import type { StoredRun } from '../../journal/runs.ts';
import { replaying } from '../../kernel/run/machine.ts';
import type { RunEvent } from '../../model/run.ts';
import { type Clock, turn } from '../clock.ts';
import { type LiveRun, newLiveRun } from './live-run.ts';
import { eventOf } from './rows.ts';
import type { Versions } from './versions.ts';

/** The history of a run cannot be read: it is about this run, and no reason to trouble the others. */
export class Unfoldable extends Error {
  override readonly name = 'Unfoldable';
}

function unfoldable<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Unfoldable(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const READ_AT_ONCE = 2_000;
/** Of their data: an event may hold an output of 256 kB. */
const CHARACTERS_AT_ONCE = 1_000_000;

/** Events in their order, each as it was written: one that is missing changes what follows from it. */
async function readEvents(rows: readonly EventRow[], clock: Clock): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  let characters = 0;
  for (const row of rows) {
    const seq = events.length;
    if (row.seq !== seq) {
      throw new Unfoldable(
        `the event ${seq} of its history is missing: ${row.seq} follows ${seq - 1}`,
      );
    }
    characters += row.data.length;
    if ((seq > 0 && seq % READ_AT_ONCE === 0) || characters > CHARACTERS_AT_ONCE) {
      characters = 0;
      await turn(clock);
    }
    events.push(unfoldable(`the event ${seq} of its history cannot be read`, () => eventOf(row)));
  }
  return events;
}

/** Throws `Unfoldable` for what is wrong with the run itself. */
export async function foldOf(
  stored: StoredRun,
  versions: Versions,
  clock: Clock,
): Promise<LiveRun> {
  const events = await readEvents(stored.events, clock);
  let version = stored.summary.version;
  for (const event of events) {
    if (
      event.type === 'RunStarted' ||
      (event.type === 'RunRestarted' && event.version !== undefined)
    ) {
      version = event.version ?? version;
      await versions.get(stored.summary.workflow, version);
    }
  }
  const row = await versions.get(stored.summary.workflow, version);
  const folding = replaying(stored.summary.id, events, versions.prepared);
  const fold = () => unfoldable('its history does not fit together', () => folding.next());
  let folded = fold();
  for (; folded.done !== true; folded = fold()) await turn(clock);
  const state = folded.value;
  state.touched = [];
  const run = newLiveRun(state, row?.directory ?? '', state.seq);
  run.row = { status: stored.summary.status, wakeAt: stored.wakeAt, version };
  run.owner = stored.owner;
  return run;
}
