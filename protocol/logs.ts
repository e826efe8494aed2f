/** What jobs print, and what Tutti notes about them: read on from a place. */
import { z } from 'zod';
import { COUNT_MAX } from '../model/bounds.ts';
import type { RunStatus } from '../model/run.ts';
import { cursor, runParamsSchema, taskName, waitSchema } from './question.ts';
import { READING, routes, WAITS } from './route.ts';
import { count, exact, instant, text } from './schema.ts';
import { runStatusSchema } from './tasks.ts';

const logsQuerySchema = z
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

export interface LogChunkView {
  readonly task: string;
  readonly attempt: number;
  readonly position: number;
  readonly stream: 'out' | 'err' | 'note';
  readonly at: number;
  readonly text: string;
}
const logChunkSchema = exact<LogChunkView>('LogChunk', {
  task: text,
  attempt: count,
  position: count,
  stream: z.enum(['out', 'err', 'note']),
  at: instant,
  text,
});
export interface LogBatch {
  readonly status: RunStatus;
  readonly chunks: readonly LogChunkView[];
  /** Give it as `after` to read on; null while there is no log at all. */
  readonly next: string | null;
  readonly more: boolean;
}
export const logBatchSchema = exact<LogBatch>('LogBatch', {
  status: runStatusSchema,
  chunks: z.array(logChunkSchema),
  next: text.nullable(),
  more: z.boolean(),
});

export const LOG_ROUTES = routes({
  readLogs: {
    method: 'GET',
    url: '/runs/:run/logs',
    schema: {
      tags: ['runs'],
      summary: 'Read the log of a run or of one task from a position on',
      description: WAITS,
      params: runParamsSchema,
      querystring: logsQuerySchema,
      response: { 200: logBatchSchema },
    },
    refusals: [...READING, 'run.unknown'],
  },
});
