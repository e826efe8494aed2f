/** Retention, as it is asked for and looked at: what is over is deleted by its age, archived before. */
import { z } from 'zod';
import { parseDuration } from '../model/duration.ts';
import type { RetentionCounts } from '../model/retention.ts';
import type { By } from '../model/run.ts';
import { pageQuerySchema, waitSchema } from './question.ts';
import { READING, routes } from './route.ts';
import { bySchema, count, exact, instant, page, text } from './schema.ts';

/** Less would take away what a person may be looking at. */
const AGE_MIN_MS = 60_000;

const age = z
  .string()
  .max(40)
  .refine((words) => (parseDuration(words) ?? 0) >= AGE_MIN_MS, {
    error: 'Write an age of a minute at least, e.g. 90d, 36h.',
  })
  .optional();

const retentionRequestSchema = z
  .strictObject({
    olderThan: age.describe('Runs that ended so long ago, with everything of theirs, e.g. 90d'),
    logsOlderThan: age.describe('Only the logs of runs that ended so long ago, e.g. 7d'),
    workflow: z.string().min(1).max(200).optional().describe('Only runs of it, and their children'),
    archive: z
      .string()
      .min(1)
      .max(4000)
      .optional()
      .describe(
        'Absolute folder, at the node that is asked: what is deleted is written there before, as JSON lines',
      ),
    apply: z.boolean().default(false).describe('Deletes; else it only counts'),
    reason: z.string().max(2000).optional().describe('Why; kept with it'),
  })
  .refine((body) => body.olderThan !== undefined || body.logsOlderThan !== undefined, {
    error: 'Give `olderThan`, `logsOlderThan` or both.',
  })
  .meta({
    id: 'RetentionRequest',
    examples: [{ olderThan: '90d', logsOlderThan: '7d', archive: '/var/archive', apply: true }],
  });
export type RetentionBody = z.input<typeof retentionRequestSchema>;
const retentionParamsSchema = z.object({ retention: z.string().min(1).max(200) });

const portionQuerySchema = z.strictObject({
  /** With `wait`: the number of portions that the asker knows already. */
  after: z.coerce.number<number>().int().min(-1).default(-1),
  wait: waitSchema,
});

export interface RetentionView {
  readonly id: string;
  readonly status: 'running' | 'done' | 'cancelled' | 'failed';
  readonly applies: boolean;
  readonly endedBefore: number | null;
  readonly logsBefore: number | null;
  readonly workflow: string | null;
  readonly archive: string | null;
  readonly by: By;
  readonly createdAt: number;
  readonly endedAt: number | null;
  /** Portions that are done; each is one transaction. */
  readonly portions: number;
  readonly counts: RetentionCounts;
  /** Why it failed. */
  readonly failure: string | null;
}
const retentionViewSchema = exact<RetentionView>('Retention', {
  id: text,
  status: z.enum(['running', 'done', 'cancelled', 'failed']),
  applies: z.boolean(),
  endedBefore: instant.nullable(),
  logsBefore: instant.nullable(),
  workflow: text.nullable(),
  archive: text.nullable(),
  by: bySchema,
  createdAt: instant,
  endedAt: instant.nullable(),
  portions: count,
  counts: exact<RetentionCounts>('RetentionCounts', {
    looked: count,
    kept: count,
    runs: count,
    events: count,
    logs: count,
    bulks: count,
    feed: count,
  }),
  failure: text.nullable(),
});
const retentionPageSchema = page('RetentionPage', retentionViewSchema);

const tags = ['retention'] as const;

export const RETENTION_ROUTES = routes({
  beginRetention: {
    method: 'POST',
    url: '/retention',
    schema: {
      tags,
      summary: 'Delete runs that ended long ago, or count them',
      description:
        'A run is deleted only together with its parents and children, when all of them have ended and are old enough. The work ' +
        'continues after the answer; if the node ends, another node continues it. Without `apply` the runs are only counted.',
      body: retentionRequestSchema,
      response: { 202: retentionViewSchema },
    },
    refusals: [...READING, 'retention.archive', 'node.stopping', 'node.fenced'],
  },
  listRetentions: {
    method: 'GET',
    url: '/retention',
    schema: {
      tags,
      summary: 'List what was deleted by its age, the newest first',
      querystring: pageQuerySchema,
      response: { 200: retentionPageSchema },
    },
    refusals: READING,
  },
  getRetention: {
    method: 'GET',
    url: '/retention/:retention',
    schema: {
      tags,
      summary: 'Get the progress of a retention',
      description: 'With `wait` it answers as soon as more portions than `after` are done.',
      params: retentionParamsSchema,
      querystring: portionQuerySchema,
      response: { 200: retentionViewSchema },
    },
    refusals: [...READING, 'retention.unknown'],
  },
  cancelRetention: {
    method: 'POST',
    url: '/retention/:retention/cancel',
    schema: {
      tags,
      summary: 'Stop a retention after its present portion; what is deleted stays deleted',
      params: retentionParamsSchema,
      response: { 200: retentionViewSchema },
    },
    refusals: [...READING, 'retention.unknown'],
  },
});
