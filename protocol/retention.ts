/** Retention, as it is asked for and looked at: what is over is deleted by its age, archived before. */
import { z } from 'zod';
import { parseDuration } from '../model/duration.ts';
import type { RetentionCounts } from '../model/retention.ts';
import type { By } from '../model/run.ts';
import { bySchema, count, exact, instant, page, text } from './wire.ts';

/** Less would take away what somebody may be looking at. */
const AGE_MIN_MS = 60_000;

const age = z
  .string()
  .max(40)
  .refine((words) => (parseDuration(words) ?? 0) >= AGE_MIN_MS, {
    error: 'Write an age of a minute at least, e.g. 90d, 36h.',
  })
  .optional();

export const retentionRequestSchema = z
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
export const retentionParamsSchema = z.object({ retention: z.string().min(1).max(200) });

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
export const retentionViewSchema = exact<RetentionView>('Retention', {
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
export const retentionPageSchema = page('RetentionPage', retentionViewSchema);
