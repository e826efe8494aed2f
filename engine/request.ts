/**
 * What the journal could never store is refused at the door: it must not get into a batch with
 * what others wrote.
 */
import type { StartRun } from '../model/run.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LONGEST_KEY = 500;

/** What is wrong with the form of a start, in a sentence; undefined when nothing is. */
export function malformation(command: StartRun): string | undefined {
  if (!UUID.test(command.run))
    return `run: "${command.run.slice(0, 60)}" is not a UUID in lower case`;
  const { key, businessDate } = command;
  if (key !== undefined && (key === '' || key.length > LONGEST_KEY || key.includes('\0'))) {
    return `key: it must have 1 to ${LONGEST_KEY} characters and no NUL`;
  }
  if (businessDate !== undefined && !isDate(businessDate)) {
    return `businessDate: "${businessDate.slice(0, 20)}" is not a date like 2026-01-31`;
  }
  return undefined;
}

function isDate(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isFinite(time) && new Date(time).toISOString().startsWith(text);
}
