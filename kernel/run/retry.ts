/** When an attempt that failed is followed by another. */
import type { ErrorClass, Retry } from '../../model/definition.ts';

/**
 * The delay before the next attempt in milliseconds, or null when there is none.
 *
 * @param failures failures in a row, this one included
 * @param chance 0 ≤ chance < 1, from the engine's source
 */
export function retryDelayMs(
  retry: Retry | undefined,
  failures: number,
  failed: ErrorClass,
  chance: number,
  retryAfterMs = 0,
): number | null {
  if (retry === undefined || failures >= retry.attempts) return null;
  // A rejection would be rejected again, and an unknown outcome is never submitted blindly.
  if (failed === 'rejected' || failed === 'unknown' || !retry.on.includes(failed)) return null;
  // Kept finite: 0 × Infinity would be no number.
  const factor = Math.min(retry.backoff ** (failures - 1), Number.MAX_VALUE);
  const full = Math.min(retry.delayMs * factor, retry.maxDelayMs);
  // A system may ask for longer, and not for longer than the workflow allows.
  const asked = Math.min(Math.max(retryAfterMs, 0), retry.maxDelayMs);
  return Math.round(Math.max(full * (1 - retry.jitter * chance), asked));
}
