/** Durations as people write them: `500ms`, `30s`, `2m`, `1h`, `1h30m`, `1d`. */
import { z } from 'zod';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const FORM = /^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

export const durationText = z
  .string()
  .regex(FORM, 'must be a duration such as 500ms, 30s, 2m, 1h30m or 1d');

/** `text` has passed `durationText`. */
export function durationMs(text: string): number {
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(PART)) {
    sumMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return Math.round(sumMs);
}
