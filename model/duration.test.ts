import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

it.each<[string, number | undefined]>([
  ['500ms', 500],
  ['30s', 30_000],
  ['1.5s', 1_500],
  ['20m', 1_200_000],
  ['1h30m', 5_400_000],
  ['2d', 172_800_000],
  ['1d2h3m4s5ms', 93_784_005],
  ['0s', 0],
  ['', undefined],
  ['5', undefined],
  ['s', undefined],
  ['-5s', undefined],
  ['5 s', undefined],
  ['30s1h', undefined],
  ['1m1m', undefined],
  ['1e3s', undefined],
  ['1w', undefined],
])('%s', (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs);
});

it('reads what it writes', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10 * 366 * 86_400_000 }), (durationMs) => {
      return parseDuration(formatDuration(durationMs)) === durationMs;
    }),
  );
});
