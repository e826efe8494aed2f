/** Durations as people write them: `500ms`, `30s`, `1h30m`, `2d`. */

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

/** Each unit at most once, the largest first. */
export const DURATION =
  /^(?=.)(?:\d{1,6}(?:\.\d{1,3})?d)?(?:\d{1,9}(?:\.\d{1,3})?h)?(?:\d{1,9}(?:\.\d{1,3})?m)?(?:\d{1,9}(?:\.\d{1,3})?s)?(?:\d{1,12}ms)?$/;

/** Milliseconds; undefined when the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(PART)) {
    sumMs += Number(amount) * (UNITS_MS[unit ?? ''] ?? 0);
  }
  return Math.round(sumMs);
}

export function formatDuration(durationMs: number): string {
  let leftMs = Math.round(durationMs);
  if (leftMs === 0) return '0s';
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const unitMs = UNITS_MS[unit] ?? 1;
    const amount = Math.floor(leftMs / unitMs);
    if (amount > 0) text += `${amount}${unit}`;
    leftMs -= amount * unitMs;
  }
  return text;
}
