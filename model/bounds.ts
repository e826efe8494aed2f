/**
 * How much may come in, and in what form, before anything is decided about it: what cannot be
 * stored, or would make two lines of one, is refused at the door in words. The schemas of requests
 * are made of these, and the engine asks the same of what comes by other roads (other nodes,
 * expressions of a parent run).
 */
import { z } from 'zod';
import { NESTING, unwritable } from './json-text.ts';
import type { Json } from './json.ts';
import { formatPath } from './issue.ts';
import { plainJson } from './plain.ts';

export const INPUTS_MAX_BYTES = 1024 * 1024;
export const OUTPUT_MAX_BYTES = 256 * 1024;
export const NAME_MAX = 200;
export const KEY_MAX = 400;
/** A reference to a task: `name[3]`. */
export const TASK_MAX = 400;
export const REASON_MAX = 2_000;
/** What the database counts versions, attempts and events with. */
export const COUNT_MAX = 2_147_483_647;
/** The years 0001 to 9999: what ISO 8601 writes with four digits, and PostgreSQL knows. */
export const FIRST_INSTANT = Date.parse('0001-01-01T00:00:00Z');
export const LAST_INSTANT = Date.parse('9999-12-31T23:59:59.999Z');

// Control characters, line separators, and what turns the direction of the text around it.
// oxlint-disable-next-line no-control-regex
const NOT_IN_A_LINE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
// oxlint-disable-next-line no-control-regex
const NOT_IN_PROSE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Why a text is no line of at most so many characters, as the end of a sentence. */
export function lineMistake(text: string, most: number): string | undefined {
  if (text === '') return 'must not be empty';
  if (text.length > most) return `must have at most ${most} characters, found ${text.length}`;
  if (NOT_IN_A_LINE.test(text)) return 'must be one line, without control characters';
  return unwritable(text);
}

/** The same for a text that may have several lines, and may be empty. */
export function proseMistake(text: string, most: number): string | undefined {
  if (text.length > most) return `must have at most ${most} characters, found ${text.length}`;
  if (NOT_IN_PROSE.test(text)) return 'must not hold control characters';
  return unwritable(text);
}

/** One line of text. */
export function line(most: number) {
  return z
    .string()
    .min(1)
    .max(most)
    .refine((text) => lineMistake(text, most) === undefined, {
      error: 'must be one line of text, without control characters',
    });
}

/** Text of any number of lines. */
export function prose(most: number) {
  return z
    .string()
    .max(most)
    .refine((text) => proseMistake(text, most) === undefined, {
      error: 'must be text, without control characters',
    });
}

/** A day of the calendar, as 2026-01-31, from the year 0001 on. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  if (!(time >= FIRST_INSTANT)) return false;
  return new Date(time).toISOString().startsWith(text);
}

/** Why a value cannot be kept in so many bytes, as the end of a sentence. */
export function valueMistake(value: unknown, mostBytes: number): string | undefined {
  const issue = plainJson(value);
  if (issue !== undefined) {
    const place = issue.path.length === 0 ? '' : `at ${formatPath(issue.path)}: `;
    return `cannot be kept: ${place}${issue.message}`;
  }
  const json = value as Json;
  if (isSmall(json, mostBytes)) return undefined;
  const bytes = new TextEncoder().encode(JSON.stringify(json)).length;
  if (bytes <= mostBytes) return undefined;
  return `must have at most ${mostBytes} bytes as JSON, found ${bytes}`;
}

/** Most values are far below the bound: they are not written to be measured. */
function isSmall(value: Json, mostBytes: number): boolean {
  let left = mostBytes;
  const spend = (each: Json, depth: number): void => {
    left -= 32;
    if (typeof each === 'string') left -= each.length * 6;
    if (left < 0 || depth > NESTING || typeof each !== 'object' || each === null) return;
    for (const [key, item] of Object.entries(each)) {
      left -= key.length * 6;
      spend(item, depth + 1);
      if (left < 0) return;
    }
  };
  spend(value, 0);
  return left >= 0;
}
