import { expect, it } from 'vitest';
import { sentinelViolations } from './sentinels.ts';
import { parseSource } from './source.ts';

const found = (path: string, text: string): string[] =>
  sentinelViolations(parseSource(path, text)).map(({ what }) => what);

it.each([
  ["const a = way.at(-1) ?? '';", 'puts a value in the place of nothing'],
  ['f(outgoing[order[next] ?? -1]);', 'puts a value in the place of nothing'],
  ['function f() { return -1; }', 'returns a value for nothing'],
  ["function f() { return ''; }", 'returns a value for nothing'],
])('finds %s', (text, what) => {
  expect(found('language/a.ts', text)).toEqual([what]);
});

it.each([
  'const a = list.at(-1) ?? bug("empty"); let text = "";',
  'function f(a: string) { return a.indexOf("x") === -1 ? undefined : a; }',
  'const left = open[to] ?? 0;',
])('lets pass %s', (text) => {
  expect(found('language/a.ts', text)).toEqual([]);
});

it('reads the code of language that ships', () => {
  expect(found('language/a.test.ts', "const a = b ?? '';")).toEqual([]);
  expect(found('cli/a.ts', "const a = b ?? '';")).toEqual([]);
});
