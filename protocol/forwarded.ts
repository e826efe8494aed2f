/**
 * What one node asks of another: a command for a run that the other owns, as it came through the
 * door. It is no part of the API: nodes speak so among themselves.
 */
import { z } from 'zod';
import { COUNT_MAX, line, NAME_MAX, prose, REASON_MAX, TASK_MAX } from '../model/bounds.ts';
import type { DoorCommand } from '../model/run.ts';
import { jsonSchema } from './schema.ts';

export const FORWARDED_COMMANDS = '/nodes/commands';
export const FORWARDED_RUNS = '/nodes/runs';

const text = z.string().min(1);
const name = line(TASK_MAX);
const by = z.object({
  actor: line(NAME_MAX),
  reason: prose(REASON_MAX).exactOptional(),
  request: line(NAME_MAX).exactOptional(),
});
const run = { run: line(NAME_MAX), by };
const task = { ...run, task: name };

export const doorCommandSchema: z.ZodType<DoorCommand> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('HoldRun'), ...run }),
  z.object({ type: z.literal('ReleaseRun'), ...run }),
  z.object({ type: z.literal('CancelRun'), ...run }),
  z.object({ type: z.literal('HoldTask'), ...task }),
  z.object({ type: z.literal('ReleaseTask'), ...task }),
  z.object({ type: z.literal('SkipTask'), ...task }),
  z.object({ type: z.literal('RerunTask'), ...task }),
  z.object({
    type: z.literal('ForceTask'),
    ...task,
    as: z.enum(['succeeded', 'failed']),
    output: jsonSchema.exactOptional(),
  }),
  z.object({ type: z.literal('SteerTask'), ...task, to: name }),
  z.object({
    type: z.literal('DecideApproval'),
    ...task,
    decision: z.enum(['approve', 'reject']),
  }),
  z.object({
    type: z.literal('RestartRun'),
    ...run,
    from: z.array(name).exactOptional(),
    version: z.int().positive().max(COUNT_MAX).exactOptional(),
    mapping: z.record(name, name).exactOptional(),
  }),
  z.object({
    type: z.literal('ReopenTask'),
    ...task,
    attempt: z.int().nonnegative().max(COUNT_MAX),
    child: line(NAME_MAX),
  }),
]);

/** Accepted, or the refusal as data. */
export const forwardedAnswerSchema = z.discriminatedUnion('refused', [
  z.object({ refused: z.literal(false), run: text }),
  z.object({
    refused: z.literal(true),
    code: text,
    message: z.string(),
    expected: z.string().exactOptional(),
    found: z.string().exactOptional(),
  }),
]);

/** Versions of before ask for the whole run. */
export const taskRangeSchema = z.strictObject({
  task: z.string().exactOptional(),
  after: z.coerce.number<number>().int().min(0).default(0),
  limit: z.coerce.number<number>().int().min(1).default(Infinity),
  open: z.stringbool().exactOptional(),
});
