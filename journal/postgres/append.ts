/**
 * The append: one prepared statement (`statement.ts`), one round trip, one transaction.
 *
 * The fence is the statement's first part: it share-locks the node's row while its epoch is
 * ours, and everything else joins it. A take-over that raises the epoch waits for the appends
 * under way, and appends that come later find no row, write nothing and answer none: fenced.
 *
 * After a lost connection the truth is in the journal. Any event of the batch that is there, as we
 * wrote it, means that all of it is. If it is not there, the lost statement may still be under
 * way in the server; then the second append waits for it at the primary key (or, when the epoch
 * was raised meanwhile, the raise waited for it), and a second look tells.
 *
 * With a synchronous standby, what is seen after a loss is not always what a promotion keeps: a
 * primary that crashes while a commit waits for the standby shows that commit when it is up
 * again. So what was found by looking is said only after a commit of our own (`CONFIRM`), which
 * the standby must have after everything before it. The same when the wait was ended from outside
 * (`pg_cancel_backend`): the server then says "committed" and means "here".
 *
 * What the database refuses for good because of what it says is answered as `refused`; while the
 * database is not as it should be (a table is gone, a right was taken away), the append waits
 * until an operator repairs that, and `/readyz` says so.
 */
import type { AppendResult, Batch, RunRow } from '../append.ts';
import type { NodeLease } from '../ownership.ts';
import { integers, uuids, texts } from './columns.ts';
import { TuttiError } from '../../model/errors.ts';
import { faultOf, isAboutData, sqlState, messageOf } from './faults.ts';
import { pauseAfterFault, type Connection, pause, type ConnectionContext } from './connection.ts';
import { troubleOf } from './stalls.ts';
import { appendStatement, type AppendStatement } from './statement.ts';
import { ms } from './times.ts';

/** Is this event there, as we wrote it? */
export const FIND_EVENT = `
select type = $3 and task is not distinct from $4 and attempt is not distinct from $5
  and "end" is not distinct from $6 and data::text = $7
  and ${ms('at')} = round($8::float8) as ours
from events where run_id = $1 and seq = $2`;

export const FIND_STARTED = 'select true as ours from runs where id = $1';

/** Which of these runs has a key that another run has? */
export const FIND_TAKEN_KEY = `
select u.id from unnest($1::uuid[], $2::text[], $3::text[]) as u(id, workflow, key)
join runs on runs.key = u.key and runs.workflow = u.workflow and runs.id <> u.id
limit 1`;

export const STILL_OURS = 'select true as ours from nodes where id = $1 and epoch = $2';

/** Which runs of a batch does the journal know otherwise than the batch says? */
export const FIND_CONFLICTS = `
select distinct events.run_id as id from unnest($1::uuid[], $2::int[]) as u(run, seq)
join events on events.run_id = u.run and events.seq = u.seq
union select id from runs where id = any($3::uuid[])`;

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

export async function append(
  connection: Connection,
  context: ConnectionContext,
  lease: NodeLease,
  batch: Batch,
): Promise<AppendResult> {
  let statement: AppendStatement;
  try {
    statement = appendStatement(lease, batch);
  } catch (error) {
    return refused(error);
  }
  let barredSince: number | undefined;
  for (let tries = 0; ; tries++) {
    const pauseMs = Math.min(20 * 2 ** tries, 2_000);
    try {
      const result = await tryAppend(connection, lease, statement, batch, tries > 0);
      if (result !== null) return result;
    } catch (error) {
      const wrong = faultOf(error) === 'wrong' && !context.closing.aborted;
      if (wrong && isAboutData(error)) return refused(error);
      if (wrong) {
        barredSince ??= Date.now();
        const { reason } = troubleOf(error);
        context.stalls.report(
          connection,
          { what: 'refuses what Tutti writes', reason },
          barredSince,
        );
        await pause(pauseMs, context.closing);
      } else await pauseAfterFault(error, connection, context, pauseMs);
    }
  }
}

function refused(error: unknown): AppendResult {
  const detail = `the database refuses it: ${messageOf(error)} (${sqlState(error) ?? 'no state'})`;
  const refusal = new TuttiError('write.refused', detail, { cause: error });
  return { kind: 'refused', runs: null, error: refusal };
}

/** Null: the truth is not known yet. */
async function tryAppend(
  connection: Connection,
  lease: NodeLease,
  statement: AppendStatement,
  batch: Batch,
  again: boolean,
): Promise<AppendResult | null> {
  if (again) {
    const found = await findWritten(connection, lease, batch);
    if (found !== null) return found;
  }
  try {
    const answer = await connection.use((client) => client.query(statement));
    if (answer.rowCount === 1) {
      if (connection.takeSyncWaitCancelled()) await confirm(connection);
      return { kind: 'committed' };
    }
    return (again ? await findWritten(connection, lease, batch) : null) ?? { kind: 'fenced' };
  } catch (error) {
    if (faultOf(error) !== 'duplicate') throw error;
    return (
      (await findWritten(connection, lease, batch)) ??
      (await takenKey(connection, batch.starts)) ??
      (await conflict(connection, lease, batch))
    );
  }
}

async function findWritten(
  connection: Connection,
  lease: NodeLease,
  batch: Batch,
): Promise<AppendResult | null> {
  const event = batch.events[0];
  const run = batch.starts[0];
  const query =
    event !== undefined
      ? {
          text: FIND_EVENT,
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
        ? { text: FIND_STARTED, values: [run.id] }
        : null;
  // Updates alone may be written twice.
  if (query === null) return null;
  const { rows } = await connection.use((client) => client.query<{ ours: boolean }>(query));
  if (rows[0] === undefined) return null;
  await confirm(connection);
  return rows[0].ours ? { kind: 'committed' } : conflict(connection, lease, batch);
}

/**
 * The journal continued otherwise than the batch says: another node took over, or, while the lease
 * is ours, the memory of a run is wrong. That is about the run, and not about the node.
 */
async function conflict(
  connection: Connection,
  lease: NodeLease,
  { starts, events }: Batch,
): Promise<AppendResult | null> {
  const values = [
    uuids(events, (event) => event.run),
    integers(events, (event) => event.seq),
    uuids(starts, (run) => run.id),
  ];
  const found = await connection.use(async (client) => {
    const ours = await client.query(STILL_OURS, [lease.node, lease.epoch]);
    return ours.rowCount === 1 ? client.query<{ id: string }>(FIND_CONFLICTS, values) : null;
  });
  if (found === null) return { kind: 'fenced' };
  const runs = found.rows.map((row) => row.id);
  if (runs.length === 0) return null;
  const names = runs.join(', ');
  const error = new TuttiError(
    'write.refused',
    `the journal continued otherwise with run ${names}`,
  );
  return { kind: 'refused', runs, error };
}

async function takenKey(
  connection: Connection,
  starts: readonly RunRow[],
): Promise<AppendResult | null> {
  const seen = new Set<string>();
  const keyed = starts.filter((run) => run.key !== null);
  for (const run of keyed) {
    const name = JSON.stringify([run.workflow, run.key]);
    if (seen.has(name)) return { kind: 'key-exists', run: run.id };
    seen.add(name);
  }
  const values = [
    uuids(keyed, (run) => run.id),
    texts(keyed, (run) => run.workflow),
    texts(keyed, (run) => run.key),
  ];
  const { rows } = await connection.use((client) =>
    client.query<{ id: string }>(FIND_TAKEN_KEY, values),
  );
  // None: the run that was in the way has gone; the next try may pass.
  if (rows[0] === undefined) return null;
  await confirm(connection);
  return { kind: 'key-exists', run: rows[0].id };
}

/** As often as it takes: a wait that was cut confirms nothing. */
export async function confirm(connection: Connection): Promise<void> {
  do await connection.use((client) => client.query(CONFIRM));
  while (connection.takeSyncWaitCancelled());
}
