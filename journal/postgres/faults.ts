/**
 * What an error of the database means for us.
 *
 * `lost`: the connection is gone or useless; whether the statement took effect is unknown.
 * `again`: refused this time, nothing was written. `duplicate`: a unique index refused it,
 * nothing was written. `wrong`: it will be refused every time: for what it says (`isAboutData`), or
 * because the database is not as it should be, a table gone or a right taken away.
 */
import { TuttiError } from '../../model/errors.ts';

type Fault = 'lost' | 'again' | 'duplicate' | 'wrong';

/** A server that answers and must not be written to, or none that may be. */
export class Unfit extends Error {
  override readonly name = 'Unfit';
}

/** Classes of SQLSTATE that no repetition repairs: data, constraints, syntax, privileges, limits. */
const WRONG = new Set([
  '0A',
  '21',
  '22',
  '23',
  '25',
  '28',
  '2F',
  '34',
  '3D',
  '3F',
  '42',
  '54',
  'P0',
]);
/** Refused, but the session continues: serialization, deadlock, cancelled, resources. */
const AGAIN = new Set(['40', '53', '55']);

export function sqlState(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  // Every state has a digit; EPIPE has none.
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : null;
}

export function faultOf(error: unknown): Fault {
  // A mistake of ours, or one that was found before the database was asked.
  if (isOurs(error)) return 'wrong';
  const state = sqlState(error);
  if (state === null) return 'lost';
  if (state === '23505') return 'duplicate';
  // 25006: connected to a replica; 57014: a statement was cancelled from outside.
  // 25P03: it stood still inside a transaction for too long, and the server hung up.
  if (state === '25006' || state === '25P03') return 'lost';
  if (state === '57014' || AGAIN.has(state.slice(0, 2))) return 'again';
  return WRONG.has(state.slice(0, 2)) ? 'wrong' : 'lost';
}

function isOurs(error: unknown): boolean {
  return error instanceof TuttiError || error instanceof TypeError || error instanceof RangeError;
}

/** Classes of SQLSTATE that are about what was written: the same would be refused from every writer. */
const DATA = new Set(['21', '22', '23', '44', '54', 'P0']);

/** Whether what was refused for good is to blame, and not the state of the database. */
export function isAboutData(error: unknown): boolean {
  return isOurs(error) || DATA.has(sqlState(error)?.slice(0, 2) ?? '');
}

/** The message alone: details quote values of rows, which may be confidential. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  if (message === '') return typeof code === 'string' ? code : 'no reason given';
  return message;
}

export function refusedByDatabase(error: unknown): TuttiError {
  return new TuttiError(
    isAboutData(error) ? 'internal' : 'database.refuses',
    `the database refused a statement: ${messageOf(error)} (${sqlState(error) ?? 'no state'})`,
    { cause: error },
  );
}
