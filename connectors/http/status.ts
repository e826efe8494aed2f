/**
 * What a status means. The task's own map is asked first, then the defaults; within each an exact
 * status comes before a pattern such as `5xx`.
 */
import { z } from 'zod';
import type { Reply } from './reply.ts';

const pattern = z.union([
  z.int().min(100).max(599),
  z.string().regex(/^[1-5]xx$/, 'must be a status such as 404, or a pattern such as "4xx"'),
]);
const patterns = z.array(pattern);

export const statusMapSchema = z.strictObject({
  ok: patterns.optional().describe('Ends succeeded; 2xx when absent'),
  transient: patterns
    .optional()
    .describe(
      'Not this time, and nothing has happened: 408, 425, 429, 5xx; for what may not be sent twice 503 only with Retry-After',
    ),
  auth: patterns.optional().describe('Credentials: 401, 403, 407, 511'),
  rejected: patterns.optional().describe('Never retried: all others'),
});
export type StatusMap = z.output<typeof statusMapSchema>;

const MEANINGS = ['ok', 'transient', 'auth', 'rejected'] as const;
type Meaning = (typeof MEANINGS)[number];

const DEFAULTS: StatusMap = {
  ok: ['2xx'],
  transient: [408, 425, 429, '5xx'],
  auth: [401, 403, 407, 511],
  // What a server does not know how to do it has not done.
  rejected: ['4xx', 501, 505],
};

export function meaningOf(status: number, own: StatusMap | undefined): Meaning {
  const range = `${Math.floor(status / 100)}xx`;
  for (const map of [own ?? {}, DEFAULTS]) {
    for (const wanted of [status, range]) {
      const found = MEANINGS.find((meaning) => map[meaning]?.includes(wanted));
      if (found !== undefined) return found;
    }
  }
  return 'rejected';
}

/**
 * Whether the answer leaves open if a request that may not be sent twice took effect (RFC 9110,
 * section 15): an error of the server or of a gateway can come after the effect, 302 and 303 are
 * how forms answer when all went well. 503 is a refusal when it says when to come again; gateways
 * send it also when they lost the reply. What the task says that a status means holds.
 */
export function leavesOpen({ status, headers }: Reply, own: StatusMap | undefined): boolean {
  const range = `${Math.floor(status / 100)}xx`;
  const isStated = MEANINGS.some(
    (meaning) => own?.[meaning]?.includes(status) || own?.[meaning]?.includes(range),
  );
  if (isStated) return false;
  if (status === 503) return headers['retry-after'] === undefined;
  if (status >= 500) return meaningOf(status, undefined) === 'transient';
  return status < 200 || status === 302 || status === 303;
}

/** `Retry-After`, in seconds or as a date. Nothing when it is neither. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  // How long is waited at most is for the task's `max-delay` to say.
  if (/^\d+$/.test(header.trim())) return Math.min(Number(header) * 1000, Number.MAX_SAFE_INTEGER);
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
