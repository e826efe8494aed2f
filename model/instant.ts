/** The one reader of points in time that a workflow names, in the file or by an expression. */
import { isDate } from './bounds.ts';

const INSTANT = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

export const INSTANT_FORM = 'write it like 2026-03-01T21:00:00Z or 2026-03-01T21:00:00+01:00';

/**
 * Milliseconds since the epoch. Undefined for what is no time or names no zone: without one it
 * would mean another instant on each machine.
 */
export function readInstant(text: string): number | undefined {
  const [, date = ''] = INSTANT.exec(text) ?? [];
  const time = Date.parse(text);
  return isDate(date) && Number.isFinite(time) ? time : undefined;
}
