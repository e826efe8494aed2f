/**
 * The raw rate under everything: rows like those of an ended task, appended as the engine appends
 * them, in full batches and without an engine. Machines are noisy: read the rates beside this one.
 */
import { machineIds } from '../cli/machine.ts';
import type { EventRow } from '../journal/append.ts';
import { openPostgresJournal } from '../journal/postgres/journal.ts';
import type { DatabaseServer } from './database.ts';

const BATCHES = 100;
const ROWS = 1_000;

/** Rows per second. */
export async function rawRate(server: DatabaseServer): Promise<number> {
  const database = await server.database();
  const journal = await openPostgresJournal({ connection: database.connection });
  try {
    const lease = await journal.register('bench-raw', 60_000, null);
    const batches = Array.from({ length: BATCHES }, rows);
    await server.settle();
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: journal.appendConcurrency }, async () => {
        for (let events = batches.pop(); events !== undefined; events = batches.pop()) {
          await journal.append(lease, { starts: [], events, updates: [] });
        }
      }),
    );
    return (BATCHES * ROWS) / ((performance.now() - begun) / 1000);
  } finally {
    await journal.close();
    await database.drop();
  }
}

function rows(): EventRow[] {
  const run = machineIds.run();
  const at = Date.now();
  return Array.from({ length: ROWS }, (_, seq) => ({
    run,
    seq,
    at,
    type: 'TaskEnded',
    task: `t${seq}`,
    attempt: 1,
    end: 'succeeded',
    data: JSON.stringify({ startedAt: at, output: { ok: true } }),
  }));
}
