/** Rows for tests of the journal: what does not matter to a test is filled in. */
import type { Batch, EventRow, RunRow, RunUpdate } from './append.ts';

/** The id of the nth run of a test. */
export function runId(n: number): string {
  return `0199a000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function startRow(id: string, over: Partial<RunRow> = {}): RunRow {
  return {
    id,
    workflow: 'w',
    version: 1,
    key: null,
    businessDate: null,
    parent: null,
    by: { actor: 'tester' },
    createdAt: 1_800_000_000_000,
    status: 'running',
    wakeAt: null,
    total: 2,
    ...over,
  };
}

export function eventRow(run: string, seq: number, over: Partial<EventRow> = {}): EventRow {
  return {
    run,
    seq,
    at: 1_800_000_000_123 + seq,
    type: 'TaskEnded',
    task: `task-${seq}`,
    attempt: 1,
    end: 'succeeded',
    data: `{"output":{"seq":${seq}}}`,
    ...over,
  };
}

export function updateRow(run: string, over: Partial<RunUpdate> = {}): RunUpdate {
  return {
    run,
    status: 'running',
    version: 1,
    wakeAt: null,
    endedAt: null,
    total: 2,
    ended: 1,
    failed: 0,
    ...over,
  };
}

export function batch(parts: Partial<Batch>): Batch {
  return { starts: [], events: [], updates: [], ...parts };
}
