/** Runs: start, list, look at one. */
import { z } from 'zod';
import { FIRST_INSTANT, LAST_INSTANT } from '../model/bounds.ts';
import { RUN_STATUSES } from '../model/run.ts';
import type { ParentTask, RunSummary, RunView } from '../model/run.ts';
import {
  businessDate,
  cursor,
  key,
  limit,
  name,
  reason,
  runParamsSchema,
  version,
} from './question.ts';
import { BODY_MAX_BYTES, READING, routes } from './route.ts';
import {
  bySchema,
  count,
  EXAMPLE_RUN,
  exact,
  failureSchema,
  instant,
  jsonObjectSchema,
  jsonSchema,
  page,
  text,
} from './schema.ts';
import { directory, file, source } from './source.ts';
import { progressSchema, runStatusSchema, taskViewSchema } from './tasks.ts';

const startRequestSchema = z
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

export const runFilter = {
  workflow: name.optional(),
  status: statuses,
  key: key.optional(),
  parent: name.optional(),
  businessDate: businessDate.optional(),
  from: time.describe('Created at this time or later, e.g. 2026-03-01T00:00:00Z'),
  until: time.describe('Created before this time'),
};

const runsQuerySchema = z.strictObject({
  ...runFilter,
  id: name
    .optional()
    .describe('Runs whose id begins so, two at most: enough to tell unique from ambiguous'),
  after: cursor,
  limit,
});

const parentTaskSchema = exact<ParentTask>('ParentTask', {
  run: text,
  task: text,
  attempt: count,
  root: text.exactOptional(),
  depth: count.exactOptional(),
});

const summary = {
  id: text,
  workflow: text,
  version: count,
  status: runStatusSchema,
  key: text.exactOptional(),
  businessDate: text.exactOptional(),
  parent: parentTaskSchema.exactOptional(),
  by: bySchema,
  createdAt: instant,
  endedAt: instant.exactOptional(),
  tasks: progressSchema,
  aside: text
    .exactOptional()
    .describe('Why it is set aside: its history cannot be read or written'),
};
export const runSummarySchema = exact<RunSummary>('RunSummary', summary, {
  id: EXAMPLE_RUN,
  workflow: 'certificate-of-completion',
  version: 3,
  status: 'running',
  key: 'AB-123456',
  businessDate: '2026-03-01',
  by: { actor: 'ada' },
  createdAt: 1_772_352_000_000,
  tasks: { total: 5, ended: 2, failed: 0 },
});
export const runPageSchema = page('RunPage', runSummarySchema);

export const runViewSchema = exact<RunView>('Run', {
  ...summary,
  title: text.exactOptional(),
  inputs: jsonObjectSchema,
  output: jsonSchema.exactOptional(),
  failure: failureSchema.exactOptional(),
  held: bySchema.exactOptional(),
  taskViews: z.array(taskViewSchema),
  next: text
    .exactOptional()
    .describe('There are more tasks: give it as `after` to the list of tasks'),
});

export interface AcceptedAnswer {
  readonly run: string;
}
export const acceptedSchema = exact<AcceptedAnswer>(
  'Accepted',
  { run: text },
  { run: EXAMPLE_RUN },
);

const tags = ['runs'] as const;

export const RUN_ROUTES = routes({
  listRuns: {
    method: 'GET',
    url: '/runs',
    schema: {
      tags,
      summary: 'List runs, the newest first',
      description:
        'A page costs what it holds, however many runs there are. With `parent` and `workflow` or `businessDate` ' +
        'a page may be short, or empty, and still have a `next`: read on until `next` is null.',
      querystring: runsQuerySchema,
      response: { 200: runPageSchema },
    },
    refusals: READING,
  },
  startRun: {
    method: 'POST',
    url: '/runs',
    bodyLimit: BODY_MAX_BYTES,
    schema: {
      tags,
      summary: 'Start a run',
      description: 'Of a workflow that is deployed, or of a `source` that is deployed first.',
      body: startRequestSchema,
      response: { 201: acceptedSchema },
    },
    refusals: [
      ...READING,
      'workflow.unknown',
      'version.unknown',
      'workflow.invalid',
      'inputs.invalid',
      'run.exists',
      'node.stopping',
      'node.fenced',
    ],
  },
  getRun: {
    method: 'GET',
    url: '/runs/:run',
    schema: {
      tags,
      summary: 'Look at a run with its tasks',
      description:
        'With the first 500 of them, or fewer when they are large. `next` says that there are more: the list of tasks goes on from there.',
      params: runParamsSchema,
      response: { 200: runViewSchema },
    },
    refusals: [...READING, 'run.unknown'],
  },
});
