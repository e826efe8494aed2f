/**
 * What PostgreSQL's errors mean for a task. The SQLSTATE decides; the message is the server's,
 * but not its detail: that quotes values of rows.
 */
import pg from 'pg';
import type { ErrorClass } from '../../model/definition.ts';
import { ActionFailure } from '../kit/index.ts';

/** The constraint that only our own commit keeps; see marker.ts. */
export const OPEN_CONSTRAINT = 'tutti_markers_open';

const CLASSES: readonly (readonly [RegExp, ErrorClass])[] = [
  // Connections, shutdown, serialization, deadlock, lack of resources, a lock not to be had.
  [/^(?:08...|57P0[1-3]|40001|40P01|53...|55P03)$/, 'transient'],
  [/^28...$/, 'auth'],
  [/^57014$/, 'timeout'],
  // Syntax, names and rights; no such database or schema; not supported; transaction control.
  [/^(?:42...|3D...|3F...|0A...|2D...|25...)$/, 'rejected'],
];

/** Data, constraints and raised exceptions: the work ran and ended badly. */
export function classOf(sqlstate: string): ErrorClass {
  return CLASSES.find(([codes]) => codes.test(sqlstate))?.[1] ?? 'failed';
}

export function sqlstateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** The connection went away, rather than the server refusing something. */
export function isConnectionLoss(error: unknown): boolean {
  const sqlstate = sqlstateOf(error);
  return sqlstate === undefined || /^(?:08...|57P0[1-3])$/.test(sqlstate);
}

/** A commit in the midst of the work; see marker.ts. */
export function breaksOpenMarker(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.constraint === OPEN_CONSTRAINT;
}

export function failureOf(error: unknown): ActionFailure {
  if (error instanceof ActionFailure) return error;
  const sqlstate = sqlstateOf(error);
  if (sqlstate === undefined || !(error instanceof pg.DatabaseError)) {
    const native = { error: (error as NodeJS.ErrnoException).code ?? 'connection lost' };
    const message = `the connection to the database was lost (${native.error}); nothing was committed`;
    return new ActionFailure({ class: 'transient', code: 'sql.connection', message, native });
  }
  const { severity = '', position, constraint } = error;
  return new ActionFailure({
    class: classOf(sqlstate),
    code: sqlstate === '57014' ? 'sql.timeout' : 'sql.error',
    message: `${error.message} (SQLSTATE ${sqlstate})`,
    native: {
      sqlstate,
      severity,
      ...(position === undefined ? {} : { position }),
      ...(constraint === undefined ? {} : { constraint }),
    },
  });
}

export function notConnected(error: unknown): ActionFailure {
  if (error instanceof ActionFailure) return error;
  const sqlstate = sqlstateOf(error);
  if (sqlstate !== undefined) return failureOf(error);
  const native = { error: (error as NodeJS.ErrnoException).code ?? 'no answer' };
  const message = `the database cannot be reached (${native.error})`;
  return new ActionFailure({ class: 'transient', code: 'sql.unreachable', message, native });
}

export function cancelled(): ActionFailure {
  const message = 'the statement was cancelled; nothing was committed';
  return new ActionFailure({ class: 'failed', code: 'sql.cancelled', message });
}

/** The server says nothing. What was not committed is rolled back when it sees that we are gone. */
export function unanswered(limitMs: number): ActionFailure {
  const message = `the database gave no answer within ${limitMs} ms; nothing was committed`;
  return new ActionFailure({ class: 'timeout', code: 'sql.timeout', message });
}

/** The transaction is ours: it holds the marker. `what`: how much of the work stays. */
export function transactionEnded(command: string, what: string): ActionFailure {
  const message = `sql.execute runs its statements in one transaction of its own, and one of them ended it (${command}); ${what}. Leave out BEGIN, COMMIT, ROLLBACK and the like`;
  return new ActionFailure({ class: 'rejected', code: 'sql.transaction', message });
}

export function mayNotAct(): ActionFailure {
  const message = 'this node may not act for the run any more; nothing was committed';
  return new ActionFailure({ class: 'transient', code: 'sql.left', message });
}

/** The one moment when a lost connection leaves the outcome open. */
export function lostCommit(): ActionFailure {
  const message = 'the connection was lost while committing; the marker row tells whether it did';
  return new ActionFailure({ class: 'unknown', code: 'sql.lost-reply', message });
}
