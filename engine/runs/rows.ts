/** Events and runs as rows of the journal, and back. */
import type { EventRow, RunRow, RunUpdate } from '../../journal/append.ts';
import { type RunState, runStatusOf } from '../../kernel/run/machine.ts';
import type { RunEvent, TaskEnded } from '../../model/run.ts';
import type { Entry, LiveRun, OnDurable } from './live-run.ts';

export function rowOf(run: string, seq: number, event: RunEvent): EventRow {
  if (event.type === 'TaskEnded') return endedRow(run, seq, event);
  const { type, at } = event;
  const task = 'task' in event ? event.task : null;
  const attempt = 'attempt' in event ? event.attempt : null;
  const end = 'end' in event ? event.end : null;
  return { run, seq, at, type, task, attempt, end, data: restOf(event) };
}

const COLUMNS = new Set(['type', 'at', 'task', 'attempt', 'end']);

/** What has no column of its own. A spread or a rest pattern would make a new shape each time. */
function restOf(event: RunEvent): string {
  let fields = '';
  let name: keyof typeof event;
  for (name in event) {
    const value = event[name];
    if (value === undefined || COLUMNS.has(name)) continue;
    fields += `${fields === '' ? '' : ','}"${name}":${JSON.stringify(value)}`;
  }
  return `{${fields}}`;
}

/** By far the most frequent event: spelled out. */
function endedRow(run: string, seq: number, event: TaskEnded): EventRow {
  const { type, at, task, attempt, end, startedAt, output, failure, branch, values, forced } =
    event;
  const plain = failure === undefined && branch === undefined && forced === undefined;
  const data =
    plain && values === undefined && startedAt !== undefined && output !== undefined
      ? `{"startedAt":${startedAt},"output":${JSON.stringify(output)}}`
      : JSON.stringify({ startedAt, output, failure, branch, values, forced });
  return { run, seq, at, type, task, attempt, end, data };
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

/** What one step wrote, after it was decided: the run's state is the one after the step. */
export function entryOf(
  run: LiveRun,
  happened: readonly RunEvent[],
  start: RunRow | undefined,
  update: RunUpdate | undefined,
  facts: readonly RunEvent[] | undefined,
  onDurable: OnDurable | undefined,
): Entry {
  const { state } = run;
  const { touched, seq } = state;
  state.touched = [];
  const firstSeq = seq - happened.length;
  // Most steps are one event.
  const events =
    happened.length === 1
      ? [rowOf(run.id, firstSeq, happened[0] as RunEvent)]
      : happened.map((event, index) => rowOf(run.id, firstSeq + index, event));
  let characters = 0;
  for (const { data } of events) characters += data.length;
  for (const node of touched) run.touchedAt[node] = seq;
  return { start, events, characters, update, touched, seq, facts, onDurable };
}
