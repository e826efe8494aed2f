/**
 * The fields that several questions have. Unknown fields are mistakes in a question, because a field
 * that is not read is a wish that is not heard. What stands in a query string arrives as text.
 */
import { z } from 'zod';
import {
  COUNT_MAX,
  isDate,
  KEY_MAX,
  line,
  NAME_MAX,
  prose,
  REASON_MAX,
  TASK_MAX,
} from '../model/bounds.ts';

export const reason = prose(REASON_MAX).describe('Why; kept with the event');
export const taskName = line(TASK_MAX);
export const name = line(NAME_MAX);
export const key = line(KEY_MAX);
export const version = z.int().positive().max(COUNT_MAX);

export const businessDate = z.iso
  .date()
  .refine(isDate, { error: 'must be a day between 0001-01-01 and 9999-12-31' })
  .describe('YYYY-MM-DD: the day that the work is for');

const PAGE_MAX = 500;
export const limit = z.coerce.number<number>().int().min(1).max(PAGE_MAX).default(50);
export const cursor = line(1000).optional();
export const pageQuerySchema = z.strictObject({ after: cursor, limit });

/** `20s`, `1500ms`, `20`: seconds when there is no unit. At most a minute. */
const WAIT_MAX_MS = 60_000;
export const waitSchema = z
  .string()
  .regex(/^\d{1,6}(ms|s)?$/, { error: 'Write it as 20s or 500ms.' })
  .transform((words) => {
    const amount = Number.parseInt(words, 10);
    return Math.min(WAIT_MAX_MS, words.endsWith('ms') ? amount : amount * 1000);
  })
  .optional()
  .describe('Wait this long for something new, e.g. 20s; at most a minute');

export const runParamsSchema = z.object({ run: name });
export const taskParamsSchema = z.object({ run: name, task: taskName });
