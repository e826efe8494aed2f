/** How this process is, as `/healthz` and `/readyz` say it. */
import { z } from 'zod';
import { routes } from './route.ts';
import { exact } from './schema.ts';

export interface Health {
  readonly status: 'ok' | 'stalled';
  readonly stalls: readonly string[];
  /** Open runs that are set aside; absent where they are not counted. */
  readonly aside?: number;
  readonly pid: number;
  /** `none`: anyone may do everything, for this is a test. */
  readonly auth: 'token' | 'none';
}
export const healthSchema = exact<Health>('Health', {
  status: z.enum(['ok', 'stalled']),
  stalls: z.array(z.string()),
  aside: z
    .int()
    .nonnegative()
    .exactOptional()
    .describe('Open runs that are set aside, because their history cannot be read or written'),
  pid: z.int().nonnegative(),
  auth: z.enum(['token', 'none']),
});

export const HEALTH_ROUTES = routes({
  checkHealth: {
    method: 'GET',
    url: '/healthz',
    outside: true,
    open: true,
    schema: {
      tags: ['health'],
      summary: 'Check that the process is alive',
      response: { 200: healthSchema },
    },
    refusals: [],
  },
  checkReadiness: {
    method: 'GET',
    url: '/readyz',
    outside: true,
    open: true,
    schema: {
      tags: ['health'],
      summary: 'Check whether the node can work: the database answers and nothing stalls',
      description: 'Anyone may read the status; the reasons need a token.',
      response: { 200: healthSchema, 503: healthSchema },
    },
    refusals: [],
  },
});
