/**
 * Values that programs are not made for: what a mistaken or an ill-meaning caller sends. Drawn from
 * seeded chance, so that a fault can be played again.
 */
import type { Chance } from '../chaos/chance.ts';

/** As JSON text: some of them no value of this language can be made into. */
const RAW = [
  'null',
  'true',
  '-0',
  '0.1',
  '1e999',
  '-1e999',
  '9007199254740993',
  '2147483648',
  '-2147483649',
  '99999999999999999999999999',
  'NaN',
  'Infinity',
  '[]',
  '{}',
  '""',
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"line\\nline"',
  '"\\u001b[31mred"',
  '"\\u202egnp.exe"',
  '"0000-01-01"',
  '"9999-12-31"',
  '"10000-01-01"',
  '"2026-02-30"',
  '"${{ inputs }}"',
  '"${{ 1/0 }}"',
  '"\'; drop table runs; --"',
  '"../../etc/passwd"',
  '"%00"',
  '"🎼🎼🎼"',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"a":1,"a":2}',
  '{"toString":1,"valueOf":2,"then":3}',
];

const LEVELS: readonly number[] = [50, 99, 101, 3_000, 20_000];

/** `levels`: how deep it may be nested. */
export function nastyJson(chance: Chance, depth = 0, levels = LEVELS): string {
  const kind = chance.below(12);
  if (kind === 0) return deep(chance.pick(levels));
  if (kind === 1) return JSON.stringify('x'.repeat(chance.pick([100, 5_000, 70_000, 1_100_000])));
  if (kind === 2) return JSON.stringify(nastyText(chance));
  if (kind === 3 && depth < 4) {
    const items = Array.from({ length: chance.below(6) }, () =>
      nastyJson(chance, depth + 1, levels),
    );
    return `[${items.join(',')}]`;
  }
  if (kind === 4 && depth < 4) {
    const items = Array.from(
      { length: chance.below(6) },
      () => `${JSON.stringify(nastyText(chance))}:${nastyJson(chance, depth + 1, levels)}`,
    );
    return `{${items.join(',')}}`;
  }
  return chance.pick(RAW);
}

function deep(levels: number): string {
  return `${'['.repeat(levels)}1${']'.repeat(levels)}`;
}

export function nastyText(chance: Chance): string {
  const length = chance.pick([0, 1, 2, 7, 40, 300]);
  let text = '';
  for (let i = 0; i < length; i++) {
    const code = chance.pick([
      () => chance.below(0x20),
      () => 0x20 + chance.below(0x60),
      () => 0x7f + chance.below(0x30),
      () => 0x2000 + chance.below(0x70),
      () => 0xd800 + chance.below(0x800),
      () => chance.below(0x1_0000),
    ])();
    text += String.fromCharCode(code);
  }
  return text;
}

export function nastyBytes(chance: Chance, most: number): Buffer {
  const bytes = Buffer.alloc(chance.below(most));
  for (let i = 0; i < bytes.length; i++) bytes[i] = chance.below(256);
  return bytes;
}

/** One to four places of a good text are changed. */
export function mutated(chance: Chance, good: string, pieces: readonly string[]): string {
  let text = good;
  for (let count = 1 + chance.below(4); count > 0; count--) {
    const at = chance.below(text.length + 1);
    const insert = chance.happens(0.6) ? chance.pick(pieces) : nastyText(chance);
    text = text.slice(0, at) + insert + text.slice(at + chance.below(12));
  }
  return text;
}
