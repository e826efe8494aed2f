/** Commands on many runs: count, begin, watch, stop. */
import { z } from 'zod';
import { COUNT_MAX } from '../model/bounds.ts';
import { BULK_VERBS } from '../model/bulk.ts';
import type { JsonObject } from '../model/json.ts';
import type { By } from '../model/run.ts';
import { name, pageQuerySchema, reason, waitSchema } from './question.ts';
import { READING, routes } from './route.ts';
import { runFilter } from './runs.ts';
import { bySchema, count, exact, instant, jsonObjectSchema, page, text } from './schema.ts';

/** Which runs a bulk command is for. Without any condition it would be all of them: say so. */
const bulkFilterSchema = z
  .strictObject({ ...runFilter, all: z.literal(true).optional().describe('Every run there is') })
  .refine((filter) => Object.values(filter).some((value) => value !== undefined), {
    error: 'Name at least one condition, or `all: true`.',
  })
  .meta({ id: 'BulkFilter' });
export type RunFilterAsked = Omit<z.output<typeof bulkFilterSchema>, 'all'>;

const bulkCountSchema = z
  .strictObject({ filter: bulkFilterSchema })
  .meta({ id: 'BulkCountRequest' });
const bulkRequestSchema = z
  .strictObject({
    verb: z.enum(BULK_VERBS),
    filter: bulkFilterSchema,
    expected: z
      .int()
      .nonnegative()
      .optional()
      .describe('Number of runs that the count found; the command is refused when it differs now'),
    reason: reason.optional(),
  })
  .meta({ id: 'BulkRequest' });
export type BulkBody = z.input<typeof bulkRequestSchema>;
const bulkParamsSchema = z.object({ bulk: name });
const bulkQuerySchema = z.strictObject({
  /** With `wait`: the number of runs tried that the asker knows already. */
  after: z.coerce.number<number>().int().min(-1).max(COUNT_MAX).default(-1),
  wait: waitSchema,
});

export interface BulkCount {
  readonly count: number;
  /** There are more than `count`, and a bulk command would be refused. */
  readonly more?: true;
}
const bulkCountAnswerSchema = exact<BulkCount>('BulkCount', {
  count,
  more: z
    .literal(true)
    .exactOptional()
    .describe('There are more than `count`: too many for one bulk command'),
});

export interface BulkView {
  readonly id: string;
  readonly verb: string;
  readonly status: 'running' | 'done' | 'cancelled';
  /** As it was asked, with times in milliseconds since the epoch. */
  readonly filter: JsonObject;
  readonly by: By;
  readonly createdAt: number;
  readonly endedAt: number | null;
  /** Runs that were counted when it began, were commanded, refused the command. */
  readonly total: number;
  readonly done: number;
  readonly refused: number;
  /** Refusals, the first hundred. */
  readonly refusals: readonly {
    readonly run: string;
    readonly code: string;
    readonly message: string;
  }[];
}
const bulkViewSchema = exact<BulkView>('Bulk', {
  id: text,
  verb: text,
  status: z.enum(['running', 'done', 'cancelled']),
  filter: jsonObjectSchema,
  by: bySchema,
  createdAt: instant,
  endedAt: instant.nullable(),
  total: count,
  done: count,
  refused: count,
  refusals: z.array(z.object({ run: text, code: text, message: text })),
});
const bulkPageSchema = page('BulkPage', bulkViewSchema);

const tags = ['bulk'] as const;

export const BULK_ROUTES = routes({
  countBulk: {
    method: 'POST',
    url: '/bulk/count',
    schema: {
      tags,
      summary: 'Count the runs that a filter finds',
      description: 'It counts up to 100,000, the limit of one bulk command.',
      body: bulkCountSchema,
      response: { 200: bulkCountAnswerSchema },
    },
    refusals: READING,
  },
  beginBulk: {
    method: 'POST',
    url: '/bulk',
    schema: {
      tags,
      summary: 'Begin a command on every run that a filter finds',
      description:
        'The set of runs is fixed when the command is accepted. With `expected` the command is refused when the filter matches another number.',
      body: bulkRequestSchema,
      response: { 202: bulkViewSchema },
    },
    refusals: [...READING, 'bulk.miscounted', 'bulk.too-many', 'node.stopping', 'node.fenced'],
  },
  listBulks: {
    method: 'GET',
    url: '/bulk',
    schema: {
      tags,
      summary: 'List bulk commands, the newest first',
      querystring: pageQuerySchema,
      response: { 200: bulkPageSchema },
    },
    refusals: READING,
  },
  getBulk: {
    method: 'GET',
    url: '/bulk/:bulk',
    schema: {
      tags,
      summary: 'Get the progress of a bulk command',
      description: 'With `wait` it answers as soon as it is farther than `after`.',
      params: bulkParamsSchema,
      querystring: bulkQuerySchema,
      response: { 200: bulkViewSchema },
    },
    refusals: [...READING, 'bulk.unknown'],
  },
  cancelBulk: {
    method: 'POST',
    url: '/bulk/:bulk/cancel',
    schema: {
      tags,
      summary: 'Stop a bulk command; changes that were made stay',
      params: bulkParamsSchema,
      response: { 200: bulkViewSchema },
    },
    refusals: [...READING, 'bulk.unknown', 'node.stopping', 'node.fenced'],
  },
});
