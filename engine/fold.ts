/** A run as the journal has it, folded: what its owner holds in memory, before anything follows from it. */
import type { StoredRun } from '../journal/journal.ts';
import { replay } from '../kernel/step.ts';
import { type LiveRun, newLiveRun } from './live-run.ts';
import { eventOf } from './rows.ts';
import type { Versions } from './versions.ts';

export async function foldOf(stored: StoredRun, versions: Versions): Promise<LiveRun> {
  const events = stored.events.map(eventOf);
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
  const state = replay(stored.summary.id, events, versions.definitions);
  state.touched = [];
  const run = newLiveRun(state, row?.directory ?? '', state.seq);
  run.row = { status: stored.summary.status, wakeAt: stored.wakeAt, version };
  run.owner = stored.owner;
  return run;
}
