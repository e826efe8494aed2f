/** Events and runs as rows of the journal, and back. */
import type { EventRow, RunRow, RunUpdate } from '../journal/journal.ts';
import type { RunState } from '../kernel/state.ts';
import { runStatusOf } from '../kernel/view.ts';
import type { RunEvent } from '../model/run.ts';

export function rowOf(run: string, seq: number, event: RunEvent): EventRow {
  const { type, at } = event;
  const task = 'task' in event ? event.task : null;
  const attempt = 'attempt' in event ? event.attempt : null;
  const end = 'end' in event ? event.end : null;
  return { run, seq, at, type, task, attempt, end, data: JSON.stringify(restOf(event)) };
}

/** The fields that have no column of their own. Fields that are undefined are not written. */
function restOf(event: RunEvent): object {
  if (event.type === 'TaskEnded') {
    // By far the most frequent: spelled out, because a rest pattern costs several times as much.
    const { startedAt, output, failure, branch, values, forced } = event;
    return { startedAt, output, failure, branch, values, forced };
  }
  return {
    ...event,
    type: undefined,
    at: undefined,
    task: undefined,
    attempt: undefined,
    end: undefined,
  };
}

export function eventOf(row: EventRow): RunEvent {
  return {
    type: row.type,
    at: row.at,
    ...(row.task !== null && { task: row.task }),
    ...(row.attempt !== null && { attempt: row.attempt }),
    ...(row.end !== null && { end: row.end }),
    ...(JSON.parse(row.data) as object),
  } as RunEvent;
}

export function startRowOf(state: RunState, wakeAt: number | null): RunRow {
  return {
    id: state.id,
    workflow: state.workflow,
    version: state.version,
    key: state.key ?? null,
    businessDate: state.businessDate ?? null,
    parent: state.parent ?? null,
    by: state.by,
    createdAt: state.createdAt,
    status: runStatusOf(state),
    wakeAt,
    total: state.nodes.length,
  };
}

export function updateOf(state: RunState, wakeAt: number | null): RunUpdate {
  return {
    run: state.id,
    status: runStatusOf(state),
    version: state.version,
    wakeAt,
    endedAt: state.end?.at ?? null,
    total: state.nodes.length,
    ended: state.ended,
    failed: state.failed,
  };
}
