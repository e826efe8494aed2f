/**
 * What a status means. The task's own map is asked first, then the defaults; within each an exact
 * status comes before a pattern such as `5xx`.
 */
import { z } from 'zod';

const pattern = z.union([
  z.int().min(100).max(599),
  z.string().regex(/^[1-5]xx$/, 'must be a status such as 404, or a pattern such as "4xx"'),
]);
const patterns = z.array(pattern);

export const statusMapSchema = z.strictObject({
  ok: patterns.optional().describe('Ends succeeded; 2xx when absent'),
  transient: patterns.optional().describe('Not this time: 408, 425, 429, 5xx'),
  auth: patterns.optional().describe('Credentials: 401, 403'),
  rejected: patterns.optional().describe('Never retried: all others'),
});
export type StatusMap = z.output<typeof statusMapSchema>;

export const MEANINGS = ['ok', 'transient', 'auth', 'rejected'] as const;
export type Meaning = (typeof MEANINGS)[number];

const DEFAULTS: StatusMap = {
  ok: ['2xx'],
  transient: [408, 425, 429, '5xx'],
  auth: [401, 403],
  rejected: ['4xx'],
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

/** A gateway's way of saying that the reply of the server behind it was lost. */
const LOST_BEHIND_GATEWAY: readonly number[] = [502, 504];

/**
 * Whether the request may have taken effect although it was answered: the gateway does not know,
 * and the task does not say what it means.
 */
export function isLostBehindGateway(status: number, own: StatusMap | undefined): boolean {
  const stated = MEANINGS.some(
    (meaning) => own?.[meaning]?.includes(status) || own?.[meaning]?.includes('5xx'),
  );
  return LOST_BEHIND_GATEWAY.includes(status) && !stated;
}

/** `Retry-After`, in seconds or as a date. Nothing when it is neither. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
