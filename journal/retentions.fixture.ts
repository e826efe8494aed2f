/** Runs for retention: some over and old, some not. */
import type { RunRow } from './append.ts';
import type { RetentionScope } from './retentions.ts';
import { batch, eventRow, runId, startRow, updateRow } from './rows.fixture.ts';
import type { Member } from './subject.fixture.ts';

export const OLD = 1_000_000_000_000;
const BETWEEN = 1_500_000_000_000;
export const SCOPE: RetentionScope = {
  endedBefore: BETWEEN,
  logsBefore: null,
  workflow: null,
  archive: null,
  applies: true,
};

interface Made extends Partial<RunRow> {
  /** When it ended; null: it is open. */
  readonly end?: number | null;
  readonly under?: number;
}

/** Runs 1, 2, 3…, each with two events and a piece of log. */
export async function make({ journal, lease }: Member, runs: readonly Made[]): Promise<void> {
  const rows = runs.map(({ end = OLD, under, ...over }, at) => {
    const parent = under === undefined ? null : { run: runId(under), task: 't', attempt: 1 };
    const run = startRow(runId(at + 1), { createdAt: OLD - 1_000 + at, parent, ...over });
    return { run, end };
  });
  await journal.append(
    lease,
    batch({
      starts: rows.map(({ run }) => run),
      events: rows.flatMap(({ run, end }) =>
        [0, 1].map((seq) => eventRow(run.id, seq, { at: end ?? OLD })),
      ),
      updates: rows.map(({ run, end }) =>
        updateRow(run.id, end === null ? {} : { status: 'succeeded', endedAt: end }),
      ),
    }),
  );
  const log = { task: 't', attempt: 1, position: 0, stream: 'out', at: 1, cursor: null } as const;
  await journal.appendLogs(rows.map(({ run }) => ({ run: run.id, ...log, text: 'line\n' })));
}
