/**
 * What clients ask over HTTP: bodies and query strings, as zod schemas. Unknown fields are
 * mistakes here, because a field that nobody reads is a wish that nobody heard.
 */
import { z } from 'zod';
import {
  COUNT_MAX,
  FIRST_INSTANT,
  isDate,
  KEY_MAX,
  LAST_INSTANT,
  line,
  NAME_MAX,
  prose,
  REASON_MAX,
  TASK_MAX,
} from './bounds.ts';
import { RUN_STATUSES } from './run.ts';
import { TASKS_MAX } from './task-range.ts';
import { jsonObjectSchema, jsonSchema } from './wire.ts';

const SOURCE_MAX_LENGTH = 31 * 1024 * 1024;
const EXAMPLE_FILE =
  'workflow: hello\ntasks:\n  greet: { action: shell.run, with: { script: echo Hello } }\n';
const reason = prose(REASON_MAX).describe('Why; kept with the event');
const taskName = line(TASK_MAX);
const name = line(NAME_MAX);
const key = line(KEY_MAX);
const version = z.int().positive().max(COUNT_MAX);
const source = z.string().min(1).max(SOURCE_MAX_LENGTH).describe('The workflow file, YAML or JSON');
const file = line(1000).describe('Its name, for messages');
const directory = line(4000).describe(
  'Absolute folder that relative paths of the workflow start from',
);

export const deployRequestSchema = z
  .strictObject({
    source,
    file: file.optional(),
    directory: directory.optional(),
    reason: reason.optional(),
  })
  .meta({ id: 'DeployRequest', examples: [{ source: EXAMPLE_FILE, file: 'hello.yaml' }] });
export type DeployBody = z.input<typeof deployRequestSchema>;

export const validateRequestSchema = z
  .strictObject({ source, file: file.optional() })
  .meta({ id: 'ValidateRequest', examples: [{ source: EXAMPLE_FILE }] });
export type ValidateBody = z.input<typeof validateRequestSchema>;

const businessDate = z.iso
  .date()
  .refine(isDate, { error: 'must be a day between 0001-01-01 and 9999-12-31' })
  .describe('YYYY-MM-DD: the day that the work is for');
export const startRequestSchema = z
  .strictObject({
    workflow: name.optional().describe('The name of a deployed workflow'),
    version: version.optional().describe('The newest when absent'),
    source: source.optional().describe('Instead of `workflow`: a file that is deployed first'),
    file: file.optional(),
    directory: directory.optional(),
    inputs: jsonObjectSchema.default({}),
    key: key.optional().describe('At most one run of a workflow has this key'),
    businessDate: businessDate.optional(),
    reason: reason.optional(),
  })
  .refine((body) => (body.workflow === undefined) !== (body.source === undefined), {
    error: 'Give either `workflow` or `source`.',
  })
  .refine((body) => body.source === undefined || body.version === undefined, {
    error: '`version` belongs to `workflow`; a `source` is deployed as the newest version.',
  })
  .meta({
    id: 'StartRequest',
    examples: [{ workflow: 'hello', inputs: { name: 'Ada' }, businessDate: '2026-03-01' }],
  });
export type StartBody = z.input<typeof startRequestSchema>;

/** The body of commands that need nothing but a reason; it may be left out altogether. */
export const reasonRequestSchema = z
  .strictObject({ reason: reason.optional() })
  .nullish()
  .meta({ id: 'ReasonRequest' });
export const repairRequestSchema = z
  .strictObject({
    preview: z.boolean().optional().describe('Says what it would do, and does nothing'),
    reason: reason.optional(),
  })
  .nullish()
  .meta({ id: 'RepairRequest' });
export const forceRequestSchema = z
  .strictObject({
    as: z.enum(['succeeded', 'failed']),
    output: jsonSchema.exactOptional().describe('What dependents see as its output'),
    reason: reason.min(1),
  })
  .meta({ id: 'ForceRequest' });
export const steerRequestSchema = z
  .strictObject({
    to: taskName.describe('A task of one of the branches'),
    reason: reason.optional(),
  })
  .meta({ id: 'SteerRequest' });
export const restartRequestSchema = z
  .strictObject({
    from: z.array(taskName).min(1).optional().describe('From every failure when absent'),
    version: version.optional().describe('Go on with this version of the workflow'),
    mapping: z
      .record(taskName, taskName)
      .optional()
      .describe('With `version`: new name to old name, for tasks that were renamed'),
    reason: reason.optional(),
  })
  .nullish()
  .meta({ id: 'RestartRequest' });
export type RestartBody = z.input<typeof restartRequestSchema>;

// ---- query strings: everything arrives as text

export const PAGE_MAX = 500;
const limit = z.coerce.number<number>().int().min(1).max(PAGE_MAX).default(50);
const cursor = line(1000).optional();

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

const statuses = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (Array.isArray(value) ? value : [value]).flatMap((one) => one.split(',')))
  .pipe(
    z
      .array(z.enum(RUN_STATUSES))
      .min(1)
      .max(RUN_STATUSES.length * 2),
  )
  .optional()
  .describe('Repeat it, or separate by commas');

/** Milliseconds since the epoch, or a time as ISO 8601 says it. */
const time = z
  .union([
    z.int(),
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
    z.iso.datetime({ offset: true }).transform((words) => Date.parse(words)),
  ])
  .refine((ms) => ms >= FIRST_INSTANT && ms <= LAST_INSTANT, {
    error: 'must be a time between the years 0001 and 9999',
  })
  .optional();

const runFilter = {
  workflow: name.optional(),
  status: statuses,
  key: key.optional(),
  parent: name.optional(),
  businessDate: businessDate.optional(),
  from: time.describe('Created at this time or later, e.g. 2026-03-01T00:00:00Z'),
  until: time.describe('Created before this time'),
};
/** Which runs a bulk command is for. Without any condition it would be all of them: say so. */
export const bulkFilterSchema = z
  .strictObject({ ...runFilter, all: z.literal(true).optional().describe('Every run there is') })
  .refine((filter) => Object.values(filter).some((value) => value !== undefined), {
    error: 'Name at least one condition, or `all: true`.',
  })
  .meta({ id: 'BulkFilter' });
export type RunFilterAsked = Omit<z.output<typeof bulkFilterSchema>, 'all'>;

export const BULK_VERBS = ['hold', 'release', 'cancel', 'restart'] as const;
export type BulkVerb = (typeof BULK_VERBS)[number];
export const bulkCountSchema = z
  .strictObject({ filter: bulkFilterSchema })
  .meta({ id: 'BulkCountRequest' });
export type BulkCountBody = z.input<typeof bulkCountSchema>;
export const bulkRequestSchema = z
  .strictObject({
    verb: z.enum(BULK_VERBS),
    filter: bulkFilterSchema,
    expected: z
      .int()
      .nonnegative()
      .optional()
      .describe('How many runs the count found; refused when it is another number now'),
    reason: reason.optional(),
  })
  .meta({ id: 'BulkRequest' });
export type BulkBody = z.input<typeof bulkRequestSchema>;
export const bulkParamsSchema = z.object({ bulk: name });
export const bulkQuerySchema = z.strictObject({
  /** With `wait`: the number of runs tried that the asker knows already. */
  after: z.coerce.number<number>().int().min(-1).max(COUNT_MAX).default(-1),
  wait: waitSchema,
});

export const waitedPortionSchema = z.strictObject({
  /** With `wait`: the number of portions that the asker knows already. */
  after: z.coerce.number<number>().int().min(-1).default(-1),
  wait: waitSchema,
});

export const runsQuerySchema = z.strictObject({
  ...runFilter,
  id: name
    .optional()
    .describe('Runs whose id begins so, two at most: enough to tell unique from ambiguous'),
  after: cursor,
  limit,
});
export const tasksQuerySchema = z.strictObject({
  after: z.coerce.number<number>().int().min(0).max(COUNT_MAX).default(0),
  limit: z.coerce.number<number>().int().min(1).max(TASKS_MAX).default(TASKS_MAX),
});
export const pageQuerySchema = z.strictObject({ after: cursor, limit });
export const eventsQuerySchema = z.strictObject({
  after: z.coerce.number<number>().int().min(-1).max(COUNT_MAX).default(-1),
  limit: z.coerce.number<number>().int().min(1).max(5000).default(1000),
  wait: waitSchema,
});
export const logsQuerySchema = z
  .strictObject({
    task: taskName.optional(),
    attempt: z.coerce.number<number>().int().min(0).max(COUNT_MAX).optional(),
    after: cursor,
    limit: z.coerce.number<number>().int().min(1).max(5000).default(500),
    wait: waitSchema,
  })
  .refine(({ task, attempt }) => attempt === undefined || task !== undefined, {
    error: '`attempt` belongs to a task: give `task`, too.',
    path: ['attempt'],
  });

export const workflowParamsSchema = z.object({ name });
export const versionParamsSchema = z.object({
  name,
  version: z.coerce.number<number>().int().positive().max(COUNT_MAX),
});
export const runParamsSchema = z.object({ run: name });
export const taskParamsSchema = z.object({ run: name, task: taskName });
