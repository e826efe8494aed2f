/** What files give each other: each law is shown a planted breach, and beside it what it must let pass. */
import { describe, expect, it } from 'vitest';
import { cycleViolations } from './cycles.ts';
import { deadExports, doubleTypes, unusedPackages } from './exports.ts';
import { parseSource, type Violation } from './source.ts';

const whats = (found: readonly Violation[]): string[] => found.map((one) => one.what);

describe('what files give each other', () => {
  const sources = (files: readonly (readonly [string, string])[]) =>
    files.map(([path, text]) => parseSource(path, text));

  it('finds exports that no other file imports', () => {
    const files = sources([
      ['engine/a.ts', 'export const used = 1; export const dead = 2; export interface Lost {}'],
      ['engine/b.ts', "import { used } from './a.ts'; export function again() {}"],
      ['engine/c.ts', "export { again } from './b.ts'; export class Offered {}"],
      ['engine/d.ts', "new Worker('begin'); export function begin() {}"],
      ['engine/e.ts', 'export const all = 1;'],
      ['engine/a.test.ts', "import { used, dead } from './a.ts';"],
      ['engine/a.db.test.ts', "const { dead } = await import('./a.ts');"],
      ['engine/i.ts', 'export const shared = 1;'],
      ['engine/i-j.test.ts', "import { shared } from './i.ts';"],
      ['tests/f.ts', "const e = await import('../engine/e.ts'); export const free = 1;"],
      ['model/g.ts', 'export type Given = 1; export const dead = 1;'],
      ['journal/postgres/h.ts', 'export const FIND_RUN = `select`; export const dead = 1;'],
    ]);
    const found = deadExports(files, new Set(['engine/c.ts']));
    expect(found.map(({ path, what }) => `${path} ${what.split(',')[0] ?? ''}`)).toEqual([
      'engine/a.ts exports dead',
      'engine/a.ts exports Lost',
      'model/g.ts exports dead',
      'journal/postgres/h.ts exports dead',
    ]);
  });

  it('finds two types of one name, in shipped files', () => {
    const files = sources([
      ['api/a.ts', 'export interface Place {} interface Own {}'],
      ['cli/b.ts', 'export type Place = 1; type Own = 2;'],
      ['cli/c.ts', "export { type Place } from './b.ts';"],
      ['tests/d.ts', 'export class Place {}'],
    ]);
    expect(whats(doubleTypes(files))).toEqual(['exports the type Place, as api/a.ts does']);
  });

  it('finds packages that nothing uses', () => {
    const files = sources([
      ['cli/a.ts', "import pg from 'pg'; import 'yaml/x'; require.resolve(`@embedded/${x}`);"],
      ['tests/run.js', "const tool = 'oxlint/bin/oxlint';"],
    ]);
    const declared = ['pg', 'yaml', '@embedded/linux', '@types/pg', '@types/left-pad', 'left-pad'];
    const unused = unusedPackages(files, [...declared, 'tsx', 'oxlint-tsgolint'], 'tsx docs.ts');
    expect(unused).toEqual(['@types/left-pad', 'left-pad']);
  });

  it('finds circles of files and of folders beside each other', () => {
    const circles = (files: readonly (readonly [string, string])[]): string[] =>
      whats(cycleViolations(sources(files)));
    expect(
      circles([
        ['api/a.ts', "import type { b } from './b.ts';"],
        ['api/b.ts', "import { c } from './c.ts';"],
        ['api/c.ts', "import { a } from './a.ts';"],
      ]),
    ).toEqual(['imports in a circle: api/a.ts → api/b.ts → api/c.ts → api/a.ts']);
    expect(
      circles([
        ['engine/x/a.ts', "import { d } from '../y/d.ts';"],
        ['engine/x/b.ts', ''],
        ['engine/y/c.ts', "import { b } from '../x/b.ts';"],
        ['engine/y/d.ts', ''],
      ]),
    ).toEqual(['imports in a circle: engine/x → engine/y → engine/x']);
    expect(
      circles([
        ['engine/engine.ts', "import { a } from './x/a.ts';"],
        ['engine/x/a.ts', "import { c } from '../clock.ts';"],
        ['engine/clock.ts', ''],
      ]),
    ).toEqual([]);
  });
});
