/**
 * The append: one prepared statement, one round trip, one transaction.
 *
 * The arrays are unnested in the select list, where the server walks them in step; in FROM it
 * would first store each one by itself.
 *
 * The fence is the statement's first part: it share-locks the node's row while its epoch is
 * ours, and everything else joins it. A take-over that raises the epoch waits for the appends
 * under way, and appends that come later find no row, write nothing and answer 0: fenced.
 *
 * After a lost connection the truth is in the book. Any event of the batch that is there, as we
 * wrote it, means that all of it is. If it is not there, the lost statement may still be under
 * way in the server; then the second append waits for it at the primary key (or, when the epoch
 * was raised meanwhile, the raise waited for it), and a second look tells.
 *
 * With a synchronous standby, what is seen after a loss is not always what a promotion keeps: a
 * primary that crashes while a commit waits for the standby shows that commit when it is up
 * again. So what was found by looking is said only after a commit of our own (`CONFIRM`), which
 * the standby must have after everything before it. The same when somebody ended the wait
 * (`pg_cancel_backend`): the server then says "committed" and means "here".
 */
import type { AppendResult, Batch, EventRow, NodeLease, RunRow, RunUpdate } from '../journal.ts';
import { documents, doubles, integers, spans, uuids, words } from './columns.ts';
import { CHANNEL, payloadOf } from './bells.ts';
import { faultOf } from './faults.ts';
import { afterFault, type Line, type Source } from './line.ts';

const DUE = payloadOf({ about: 'due' });

/** A run without an owner rings in the same transaction: somebody has room for it. */
export const APPEND = `
with fence as materialized (
  select 1 from nodes where id = $1 and epoch = $2 for share
), started as (
  insert into runs (id, workflow, version, key, business_date, parent_run, parent_task,
    parent_attempt, "by", created_at, status, wake_at, ended_at, total, ended, failed, owner)
  select unnest($3::uuid[]), unnest($4::text[]), unnest($5::int[]), unnest($6::text[]),
    unnest($7::text[])::date, unnest($8::uuid[]), unnest($9::text[]), unnest($10::int[]),
    unnest($11::json[]), to_timestamp(unnest($12::float8[]) / 1000), unnest($13::text[]),
    to_timestamp(unnest($14::float8[]) / 1000), to_timestamp(unnest($15::float8[]) / 1000),
    unnest($16::int[]), unnest($17::int[]), unnest($18::int[]), unnest($35::int[])
  from fence
), written as (
  insert into events (run_id, seq, at, type, task, attempt, "end", data)
  select unnest($19::uuid[]), unnest($20::int[]), to_timestamp(unnest($21::float8[]) / 1000),
    unnest($22::text[]), unnest($23::text[]), unnest($24::int[]), unnest($25::text[]),
    unnest($26::json[])
  from fence
), fed as (
  insert into feed (spans) select $36::bytea from fence where $36::bytea is not null
), updates as (
  select unnest($27::uuid[]) as run, unnest($28::text[]) as status, unnest($29::int[]) as version,
    unnest($30::float8[]) as wake_at, unnest($31::float8[]) as ended_at,
    unnest($32::int[]) as total, unnest($33::int[]) as ended, unnest($34::int[]) as failed
  from fence
), updated as (
  update runs set status = u.status, version = u.version, wake_at = to_timestamp(u.wake_at / 1000),
    ended_at = to_timestamp(u.ended_at / 1000), total = u.total, ended = u.ended,
    failed = u.failed
  from updates u where runs.id = u.run
)
select count(*)::int as fenced_in, case when count(*) = 1
  and array_position($35::int[], null) is not null then pg_notify(${CHANNEL}, '${DUE}')::text end
from fence`;

/** Is this event there, as we wrote it? */
export const LOOK_EVENT = `
select type = $3 and task is not distinct from $4 and attempt is not distinct from $5
  and "end" is not distinct from $6 and data::text = $7
  and round(date_part('epoch', at) * 1000) = round($8::float8) as ours
from events where run_id = $1 and seq = $2`;

export const LOOK_RUN = 'select true as ours from runs where id = $1';

/** Which of these runs has a key that another run has? */
export const LOOK_KEY = `
select u.id from unnest($1::uuid[], $2::text[], $3::text[]) as u(id, workflow, key)
join runs on runs.key = u.key and runs.workflow = u.workflow and runs.id <> u.id
limit 1`;

/** Writes a few bytes of log, nothing else: its commit waits for all commits before it. */
export const CONFIRM = `select pg_logical_emit_message(true, 'tutti', 'confirm')`;

/**
 * The planner sees neither the sizes of the arrays nor how the tables grow under a kept plan:
 * without these it may choose to scan a table of runs that was small once.
 */
export const APPEND_SETTINGS = `
set plan_cache_mode = force_generic_plan;
set enable_seqscan = off;
set enable_hashjoin = off;
set enable_mergejoin = off`;

export function appendValues(lease: NodeLease, batch: Batch): unknown[] {
  const { starts, updates } = folded(batch);
  return [
    lease.node,
    lease.epoch,
    ...startColumns(starts),
    ...eventColumns(batch.events),
    ...updateColumns(updates),
    integers(starts, ({ run }) => (run.unowned === true ? null : lease.node)),
    spans(batch.events),
  ];
}

interface Start {
  readonly run: RunRow;
  /** It changed in the batch that it starts in. */
  update: RunUpdate | undefined;
}

/**
 * A run that starts and changes in one batch is inserted as it is in the end: the update part of
 * a statement does not see what its insert part writes.
 */
function folded(batch: Batch): { starts: readonly Start[]; updates: readonly RunUpdate[] } {
  if (batch.starts.length === 0) return { starts: [], updates: batch.updates };
  const started = new Map<string, Start>();
  for (const run of batch.starts) started.set(run.id, { run, update: undefined });
  const updates: RunUpdate[] = [];
  for (const update of batch.updates) {
    const start = started.get(update.run);
    if (start === undefined) updates.push(update);
    else start.update = update;
  }
  return { starts: [...started.values()], updates };
}

function startColumns(starts: readonly Start[]): Buffer[] {
  return [
    uuids(starts, ({ run }) => run.id),
    words(starts, ({ run }) => run.workflow),
    integers(starts, ({ run, update }) => (update ?? run).version),
    words(starts, ({ run }) => run.key),
    words(starts, ({ run }) => run.businessDate),
    uuids(starts, ({ run }) => run.parent?.run ?? null),
    words(starts, ({ run }) => run.parent?.task ?? null),
    integers(starts, ({ run }) => run.parent?.attempt ?? null),
    documents(starts, ({ run }) => JSON.stringify(run.by)),
    doubles(starts, ({ run }) => run.createdAt),
    words(starts, ({ run, update }) => (update ?? run).status),
    doubles(starts, ({ run, update }) => (update ?? run).wakeAt),
    doubles(starts, ({ update }) => update?.endedAt ?? null),
    integers(starts, ({ run, update }) => (update ?? run).total),
    integers(starts, ({ update }) => update?.ended ?? 0),
    integers(starts, ({ update }) => update?.failed ?? 0),
  ];
}

function eventColumns(events: readonly EventRow[]): Buffer[] {
  return [
    uuids(events, (event) => event.run),
    integers(events, (event) => event.seq),
    doubles(events, (event) => event.at),
    words(events, (event) => event.type),
    words(events, (event) => event.task),
    integers(events, (event) => event.attempt),
    words(events, (event) => event.end),
    documents(events, (event) => event.data),
  ];
}

function updateColumns(updates: readonly RunUpdate[]): Buffer[] {
  return [
    uuids(updates, (update) => update.run),
    words(updates, (update) => update.status),
    integers(updates, (update) => update.version),
    doubles(updates, (update) => update.wakeAt),
    doubles(updates, (update) => update.endedAt),
    integers(updates, (update) => update.total),
    integers(updates, (update) => update.ended),
    integers(updates, (update) => update.failed),
  ];
}

export async function append(
  line: Line,
  source: Source,
  lease: NodeLease,
  batch: Batch,
): Promise<AppendResult> {
  const values = appendValues(lease, batch);
  for (let tries = 0; ; tries++) {
    try {
      const result = await tryAppend(line, values, batch, tries > 0);
      if (result !== null) return result;
    } catch (error) {
      await afterFault(error, line, source, Math.min(20 * 2 ** tries, 2_000));
    }
  }
}

/** Null: the truth is not known yet. */
async function tryAppend(
  line: Line,
  values: unknown[],
  batch: Batch,
  again: boolean,
): Promise<AppendResult | null> {
  if (again) {
    const found = await look(line, batch);
    if (found !== null) return found;
  }
  try {
    const answer = await line.use((client) =>
      client.query<{ fenced_in: number }>({ name: 'append', text: APPEND, values }),
    );
    if (answer.rows[0]?.fenced_in === 1) {
      if (line.waitWasCut()) await confirm(line);
      return { kind: 'committed' };
    }
    return (again ? await look(line, batch) : null) ?? { kind: 'fenced' };
  } catch (error) {
    if (faultOf(error) !== 'duplicate') throw error;
    return (await look(line, batch)) ?? (await takenKey(line, batch.starts));
  }
}

async function look(line: Line, batch: Batch): Promise<AppendResult | null> {
  const event = batch.events[0];
  const run = batch.starts[0];
  const query =
    event !== undefined
      ? {
          text: LOOK_EVENT,
          values: [
            event.run,
            event.seq,
            event.type,
            event.task,
            event.attempt,
            event.end,
            event.data,
            event.at,
          ],
        }
      : run !== undefined
        ? { text: LOOK_RUN, values: [run.id] }
        : null;
  // Updates alone may be written twice.
  if (query === null) return null;
  const { rows } = await line.use((client) => client.query<{ ours: boolean }>(query));
  if (rows[0] === undefined) return null;
  await confirm(line);
  // Another writer has gone on from here: only a node that took over can have.
  return rows[0].ours ? { kind: 'committed' } : { kind: 'fenced' };
}

async function takenKey(line: Line, starts: readonly RunRow[]): Promise<AppendResult | null> {
  const seen = new Set<string>();
  const keyed = starts.filter((run) => run.key !== null);
  for (const run of keyed) {
    const name = JSON.stringify([run.workflow, run.key]);
    if (seen.has(name)) return { kind: 'key-exists', run: run.id };
    seen.add(name);
  }
  const values = [
    uuids(keyed, (run) => run.id),
    words(keyed, (run) => run.workflow),
    words(keyed, (run) => run.key),
  ];
  const { rows } = await line.use((client) => client.query<{ id: string }>(LOOK_KEY, values));
  // None: the run that was in the way has gone; the next try may pass.
  if (rows[0] === undefined) return null;
  await confirm(line);
  return { kind: 'key-exists', run: rows[0].id };
}

/** As often as it takes: a wait that was cut confirms nothing. */
export async function confirm(line: Line): Promise<void> {
  do await line.use((client) => client.query(CONFIRM));
  while (line.waitWasCut());
}
