import { expect, it } from 'vitest';
import { memoryViolations } from './memories.ts';
import { parseSource } from './source.ts';

const found = (path: string, text: string): string[] =>
  memoryViolations(parseSource(path, text)).map(({ what }) => what);
const REMEMBERS = 'remembers something between two calls';
const CHANGES = 'changes what its module holds';

it.each([
  ['kernel/a.ts', 'const known = new WeakMap<A, B>();', REMEMBERS],
  ['model/a.ts', 'export let count = 0;', REMEMBERS],
  ['language/a.ts', 'const compiled = new Map<string, Pattern>();', REMEMBERS],
  ['protocol/a.ts', 'let prepared: Environment | undefined;', REMEMBERS],
  ['language/a.ts', 'class A { static #known = new Map(); }', REMEMBERS],
  ['language/a.ts', 'class A { static count = 0; }', REMEMBERS],
  ['language/a.ts', 'class A { static readonly known = new Set<string>(); }', REMEMBERS],
  ['language/a.ts', 'const meter = { left: 0 }; function f() { meter.left -= 1; }', CHANGES],
  ['language/a.ts', 'const meter = { left: { a: 0 } }; const f = () => meter.left.a++;', CHANGES],
  ['kernel/a.ts', 'const list: X[] = []; export const f = (x: X) => list.push(x);', CHANGES],
  ['model/a.ts', "const m = new Map([['a', 1]]); class A { f() { m.set('b', 2); } }", CHANGES],
])('%s may not: %s', (path, text, what) => {
  expect(found(path, text)).toEqual([what]);
});

it.each([
  ['language/a.ts', "const NAMES = new Set(['a']); export const f = (x: string) => NAMES.has(x);"],
  ['language/a.ts', 'export function f() { const known = new Map(); known.set(1, 2); }'],
  ['language/a.ts', 'class A { readonly #known = new Map(); f() { this.#known.set(1, 2); } }'],
  ['language/a.ts', 'class A { static readonly most = 3; }'],
  ['language/a.ts', 'const e = made(); for (const name of NAMES) e.add(name);'],
  ['language/a.test.ts', 'let count = 0;'],
  ['engine/a.ts', 'const known = new Map();'],
])('%s may: %s', (path, text) => {
  expect(found(path, text)).toEqual([]);
});
