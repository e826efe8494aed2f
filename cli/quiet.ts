/**
 * Waiting until no work is under way here: a process that serves the data folder only for its own
 * command must not leave the work of others in the middle.
 *
 * A run that waits for a person, for a time or for an operator is not "under way": it is durable,
 * and whoever serves the folder next continues it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { TuttiError } from '../model/errors.ts';
import type { RunSummary, TaskView } from '../model/run.ts';
import { ApiRefusal, wholeRun } from './client.ts';
import type { Client } from './client.ts';
import type { Terminal } from './terminal.ts';
import { oneLine, plural } from './view/words.ts';

const LOOK_AGAIN_MS = 300;
/** A retry that is due later than this is a time to wait for, not work. */
const SOON_MS = 60_000;

/** Whether something of the task is under way in this process, or will be in a moment. */
function isBusy(task: Pick<TaskView, 'gates'>, now: number): boolean {
  return task.gates.some((gate) => {
    if (gate.kind === 'retry') return (gate.until ?? Infinity) - now <= SOON_MS;
    return gate.kind === 'job' || gate.kind === 'start' || gate.kind === 'cancel';
  });
}

async function busyRuns(client: Client, now: number): Promise<RunSummary[]> {
  const { items } = await client.listRuns({ status: ['running', 'cancelling'], limit: 500 });
  const busy: RunSummary[] = [];
  for (const run of items) {
    try {
      const { taskViews } = await wholeRun(client, run.id);
      if (taskViews.some((task) => isBusy(task, now))) busy.push(run);
    } catch (error) {
      if (!(error instanceof ApiRefusal || error instanceof TuttiError)) throw error;
    }
  }
  return busy;
}

export async function finishBusyRuns(
  client: Client,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  let told = false;
  while (!signal.aborted) {
    const busy = await busyRuns(client, terminal.now());
    if (busy.length === 0) return;
    if (!told) {
      const names = [...new Set(busy.map((run) => run.workflow))].slice(0, 5).join(', ');
      terminal.err(
        `Also finishing ${plural(busy.length, 'other open run', 'other open runs')} (${oneLine(names)}). ` +
          'Press Ctrl-C to stop; they resume at the next start.\n',
      );
      told = true;
    }
    await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}
