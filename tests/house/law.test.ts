/**
 * The law can fail: each rule is shown a planted breach that it must find, and beside it the
 * innocent form that it must let pass.
 */
import { describe, expect, it } from 'vitest';
import { importViolations } from './imports.ts';
import {
  folderViolations,
  leftoverViolations,
  nameViolations,
  storyViolations,
  switchViolations,
  testViolations,
} from './conventions.ts';
import { GATE, gateViolations } from './gate.ts';
import { entriesOf, orphanViolations } from './orphans.ts';
import { lockViolations } from './lock.ts';
import {
  lawViolations,
  linkViolations,
  lostPlaces,
  mapViolations,
  unlinkedPages,
} from './prose.ts';
import { purityViolations } from './purity.ts';
import {
  CALLBACKS,
  CLASS_FIELDS,
  CLASS_LINES,
  FILE_LINES,
  FUNCTION_LINES,
  sizeViolations,
} from './sizes.ts';
import { type Violation, listFiles, parseSource } from './source.ts';

const DECLARED = new Set(['zod', 'yaml', 'pg', 'fastify', 'vitest', 'fast-check', 'pino']);
const DEVELOPMENT = new Set(['vitest', 'fast-check']);
const whats = (found: readonly Violation[]): string[] => found.map((one) => one.what);
const imports = (path: string, text: string): string[] =>
  whats(importViolations(parseSource(path, text), DECLARED, DEVELOPMENT));

describe('the import law', () => {
  it.each([
    ['model/a.ts', "import { b } from '../kernel/b.ts';", 'imports kernel/b.ts'],
    ['model/a.ts', "import { readFile } from 'node:fs';", 'imports node:fs'],
    ['model/a.ts', "import { b } from '../language/b.ts';", 'imports language/b.ts'],
    ['model/a.ts', "import { parse } from 'yaml';", 'imports yaml'],
    ['language/a.ts', "import { b } from '../protocol/b.ts';", 'imports protocol/b.ts'],
    ['protocol/a.ts', "import { b } from '../language/b.ts';", 'imports language/b.ts'],
    ['kernel/run/a.ts', "import { b } from '../../protocol/b.ts';", 'imports protocol/b.ts'],
    ['journal/a.ts', "import { b } from '../language/b.ts';", 'imports language/b.ts'],
    ['engine/a.ts', "import { nodeAt } from '../kernel/run/nodes.ts';", 'kernel/run/nodes.ts'],
    ['engine/a.ts', "import { b } from '../protocol/b.ts';", 'imports protocol/b.ts'],
    ['engine/runs/a.ts', "import { b } from '../attempts/b.ts';", 'imports engine/attempts/b.ts'],
    ['engine/runs/a.ts', "import { b } from '../engine.ts';", 'imports engine/engine.ts'],
    ['engine/attempts/a.ts', "import { b } from '../door/b.ts';", 'imports engine/door/b.ts'],
    ['engine/door/a.ts', "import { b } from '../cluster/b.ts';", 'imports engine/cluster/b.ts'],
    ['engine/cluster/a.ts', "import { b } from '../attempts/b.ts';", 'engine/attempts/b.ts'],
    ['engine/cluster/a.ts', "import { b } from '../../kernel/run/machine.ts';", 'machine.ts'],
    ['engine/fifo.ts', "import { b } from './runs/b.ts';", 'imports engine/runs/b.ts'],
    ['console/a.tsx', "import { b } from '../language/b.ts';", 'imports language/b.ts'],
    ['kernel/a.ts', "import type { Journal } from '../journal/journal.ts';", 'journal/journal.ts'],
    ['kernel/a.ts', "import { z } from 'zod';", 'imports zod'],
    ['kernel/a.ts', "export { b } from '../engine/b.ts';", 'imports engine/b.ts'],
    ['kernel/a.ts', "export * from '../engine/b.ts';", 'imports engine/b.ts'],
    ['kernel/a.ts', "type B = import('../engine/b.ts').B;", 'imports engine/b.ts'],
    ['journal/a.ts', "import { decide } from '../kernel/decide.ts';", 'imports kernel/decide.ts'],
    ['journal/a.ts', "const b = await import('../kernel/b.ts');", 'imports kernel/b.ts'],
    ['journal/runs.ts', "import { b } from './postgres/runs.ts';", 'journal/postgres/runs.ts'],
    ['journal/runs.ts', "import pg from 'pg';", 'imports pg'],
    ['journal/memory/a.ts', "import { b } from '../postgres/b.ts';", 'journal/postgres/b.ts'],
    ['journal/memory/a.ts', "import { setTimeout } from 'node:timers';", 'imports node:timers'],
    ['engine/a.ts', "import { openJournal } from '../journal/open.ts';", 'journal/open.ts'],
    ['connectors/shell/a.ts', "import { b } from '../http/b.ts';", 'imports connectors/http/b.ts'],
    ['connectors/shell/a.ts', "import pg from 'pg';", 'imports pg'],
    ['connectors/kit/a.ts', "import { spawn } from 'node:child_process';", 'node:child_process'],
    ['connectors/kit/a.ts', "import { b } from '../shell/b.ts';", 'imports connectors/shell/b.ts'],
    ['engine/a.ts', "import { b } from '../journal/postgres/b.ts';", 'journal/postgres/b.ts'],
    ['engine/a.ts', "import { b } from '../connectors/shell/b.ts';", 'connectors/shell/b.ts'],
    ['engine/a.ts', "import pg from 'pg';", 'imports pg'],
    ['engine/a.ts', "const { b } = require('node:net');", 'imports node:net'],
    ['engine/a.ts', "new Worker(new URL('../api/b.ts', import.meta.url));", 'imports api/b.ts'],
    ['api/a.ts', "import { b } from '../engine/loop.ts';", 'imports engine/loop.ts'],
    ['api/a.ts', "import { b } from '../cli/main.ts';", 'imports cli/main.ts'],
    ['console/a.tsx', "import { b } from '../api/b.ts';", 'imports api/b.ts'],
    ['examples/a.ts', "import { b } from '../engine/b.ts';", 'imports engine/b.ts'],
    ['engine/a.test.ts', "import { b } from '../api/b.ts';", 'imports api/b.ts'],
    ['cli/a.ts', "import left from 'left-pad';", 'imports left-pad, which package.json'],
    ['cli/a.ts', "import fc from 'fast-check';", 'imports fast-check, a development'],
    ['cli/tutti.js', "import '../dist/console/a.js';", 'imports console/a.ts'],
    ['stray.ts', '', 'stands in no room'],
    ['attic/a.ts', '', 'stands in no room'],
  ])('%s may not: %s', (path, text, what) => {
    expect(imports(path, text).join('\n')).toContain(what);
  });

  it.each([
    ['model/a.ts', "import { z } from 'zod'; import { b } from './b.ts';"],
    ['kernel/a.ts', "import { b } from '../model/b.ts'; // import x from '../engine/x.ts'"],
    ['kernel/a.ts', 'const text = "import { b } from \'../engine/b.ts\'";'],
    ['engine/a.ts', "import { step } from '../kernel/run/machine.ts';"],
    ['kernel/authority.ts', "import type { b } from '../protocol/routes.ts';"],
    ['console/a.tsx', "import { b } from '../protocol/client/client.ts';"],
    ['kernel/a.test.ts', "import { it } from 'vitest'; import fc from 'fast-check';"],
    ['journal/postgres/a.ts', "import pg from 'pg'; import { join } from 'node:path';"],
    ['connectors/sql/a.ts', "import pg from 'pg'; import { b } from '../kit/b.ts';"],
    ['connectors/index.ts', "export { shell } from './shell/connector.ts';"],
    ['engine/a.ts', "import type { Journal } from '../journal/journal.ts';"],
    ['engine/a.ts', "import type { Slots } from '../journal/slots.ts';"],
    ['engine/a.ts', "import { b } from './runs/b.ts'; import { c } from './door/c.ts';"],
    ['engine/runs/a.ts', "import { b } from './b.ts'; import { c } from '../clock.ts';"],
    ['engine/door/a.ts', "import { b } from '../runs/b.ts'; import type { c } from '../door.ts';"],
    ['engine/runs/a.test.ts', "import { b } from '../attempts/b.ts';"],
    ['journal/runs.ts', "import type { Page } from './page.ts'; import '../model/run.ts';"],
    ['journal/runs.suite.ts', "import { it } from 'vitest'; import { b } from './testbed.ts';"],
    ['journal/memory/a.ts', "import type { Slots } from '../slots.ts'; import './b.ts';"],
    ['engine/a.db.test.ts', "import { b } from '../journal/postgres/b.ts';"],
    ['journal/a.db.test.ts', "import { requires } from '../tests/requires.ts';"],
    ['api/a.ts', "import type { Door } from '../engine/door.ts'; import 'fastify';"],
    ['cli/a.ts', "import { b } from '../engine/b.ts'; import p from '../package.json';"],
    ['cli/tutti.js', "import '../dist/cli/main.js';"],
    ['tests/a.ts', "import { b } from '../cli/b.ts'; import pg from 'pg';"],
    ['vitest.config.ts', "import { defineConfig } from 'vitest/config';"],
  ])('%s may: %s', (path, text) => {
    expect(imports(path, text)).toEqual([]);
  });
});

describe('the gate', () => {
  const takes = (path: string, text: string): string[] =>
    whats(gateViolations([parseSource(path, text)]));

  it.each([
    ['engine/door/a.ts', "import { step } from '../../kernel/run/machine.ts';", 'takes step'],
    ['engine/a.ts', "import { first, viewOf } from '../kernel/run/machine.ts';", 'takes first'],
    ['engine/a.ts', "import { settleOn as go } from '../kernel/run/machine.ts';", 'takes settleOn'],
    ['cli/a.ts', "import * as machine from '../kernel/run/machine.ts';", 'takes all names'],
    ['cli/a.ts', "const { step } = await import('../kernel/run/machine.ts');", 'takes all names'],
    ['engine/runs/a.ts', "export { step } from '../../kernel/run/machine.ts';", 'takes step'],
    ['engine/runs/a.ts', "export * from '../../kernel/run/machine.ts';", 'takes all names'],
  ])('%s may not: %s', (path, text, what) => {
    expect(takes(path, text).join('\n')).toContain(what);
  });

  it.each([
    [GATE, "import { first, settleOn, step } from '../../kernel/run/machine.ts';"],
    ['kernel/run/a.ts', "import { step } from './machine.ts';"],
    ['kernel/run/a.test.ts', "import { step } from './machine.ts';"],
    ['engine/door/a.ts', "import { decide, previewRestart } from '../../kernel/run/machine.ts';"],
    ['engine/a.ts', "import type { RunState } from '../kernel/run/machine.ts';"],
    ['tests/a.ts', "import { step } from '../kernel/run/machine.ts';"],
  ])('%s may: %s', (path, text) => {
    expect(takes(path, text)).toEqual([]);
  });
});

describe('purity', () => {
  const asks = (path: string, text: string): string[] =>
    whats(purityViolations(parseSource(path, text)));

  it.each([
    ['kernel/a.ts', 'const t = Date.now();', 'asks Date.now'],
    ['engine/a.ts', 'const t = Date.now();', 'asks Date.now'],
    ['engine/a.ts', 'const f = (now = Date.now()) => now;', 'asks Date.now'],
    ['engine/a.ts', 'const d = new Date();', 'asks new Date()'],
    ['engine/a.ts', "import { randomUUID } from 'node:crypto';", 'imports randomUUID'],
    ['model/a.ts', 'const x = Math.random();', 'asks Math.random'],
    ['kernel/a.ts', 'setTimeout(f, 1);', 'names setTimeout'],
    ['kernel/a.ts', 'const p: Promise<void> = q;', 'names Promise'],
    ['kernel/a.ts', 'const f = async () => 1;', 'is async'],
    ['kernel/a.ts', 'const e = process.env;', 'names process'],
    ['kernel/a.ts', 'const o = { process };', 'names process'],
  ])('%s may not: %s', (path, text, what) => {
    expect(asks(path, text)).toContain(what);
  });

  it.each([
    ['kernel/a.ts', '// Date.now() and Promise\nconst s = "setTimeout(Math.random())";'],
    [
      'kernel/a.ts',
      'const d = new Date(now).toISOString(); task.process(); const o = { process: 1 };',
    ],
    ['engine/a.ts', 'const p = new Promise((resolve) => setTimeout(resolve, ms));'],
    ['engine/a.test.ts', 'const t = Date.now();'],
    ['cli/a.ts', 'const t = Date.now();'],
  ])('%s may: %s', (path, text) => {
    expect(asks(path, text)).toEqual([]);
  });
});

describe('conventions of a file', () => {
  it.each(['model/utils.ts', 'engine/types/a.ts', 'core/a.ts', 'api/helpers.test.ts'])(
    '%s is a bucket',
    (path) => {
      expect(whats(nameViolations(parseSource(path, ''))).join()).toMatch(/is called/);
    },
  );

  it.each(['model/RunView.ts', 'model/run_view.ts', 'model/runView.test.ts'])(
    '%s is not kebab-case',
    (path) => {
      expect(whats(nameViolations(parseSource(path, ''))).join()).toMatch(/kebab-case/);
    },
  );

  it('lets nouns pass', () => {
    expect(nameViolations(parseSource('engine/task-dispatcher.db.test.ts', ''))).toEqual([]);
  });

  it('wants a story at the top of a file, but not of a test or a door', () => {
    const told = (path: string, text: string): number =>
      storyViolations(parseSource(path, text)).length;
    expect(told('model/a.ts', 'export const a = 1;')).toBe(1);
    expect(told('model/a.ts', '/** Why. */\nexport const a = 1;')).toBe(0);
    expect(told('cli/main.ts', '#!/usr/bin/env node\n// Why.\nf();')).toBe(0);
    expect(told('model/index.ts', "export * from './a.ts';")).toBe(0);
    expect(told('model/a.test.ts', 'f();')).toBe(0);
  });

  it('finds leftovers', () => {
    const marks = ['TO', 'FIX', 'X'].map((half, i) => half + (['DO', 'ME', 'XX'][i] ?? ''));
    for (const mark of marks) {
      expect(leftoverViolations(parseSource('a.ts', `// ${mark}: later`))).toHaveLength(1);
    }
    expect(leftoverViolations(parseSource('a.ts', '// the method of all'))).toEqual([]);
  });

  it('finds `default:` where a switch must be complete', () => {
    const text = 'switch (x) { case 1: break; default: }';
    expect(switchViolations(parseSource('kernel/a.ts', text))).toHaveLength(1);
    expect(switchViolations(parseSource('model/a.ts', text))).toHaveLength(1);
    expect(switchViolations(parseSource('cli/a.ts', text))).toEqual([]);
    expect(switchViolations(parseSource('kernel/a.ts', 'export default x;'))).toEqual([]);
  });

  it('finds folders that are made by the loop of Node', () => {
    const judge = (path: string, text: string) =>
      whats(folderViolations(parseSource(path, text))).length;
    expect(judge('cli/a.ts', 'mkdirSync(a, { recursive: true, mode: 1 });')).toBe(1);
    expect(judge('connectors/file/a.ts', 'await fs.mkdir(a, { recursive: true });')).toBe(1);
    expect(judge('cli/a.ts', 'mkdirSync(a, { mode: 1 }); rmSync(a, { recursive: true });')).toBe(0);
    expect(judge('cli/a.test.ts', 'mkdirSync(a, { recursive: true });')).toBe(0);
  });
});

describe('conventions of a test', () => {
  const judge = (text: string): string[] => whats(testViolations(parseSource('a.test.ts', text)));

  it.each([
    ['it.skip("a", f);', 'uses .skip'],
    ['describe.only("a", f);', 'uses .only'],
    ['it.todo("a");', 'uses .todo'],
    ['it.concurrent.skip("a", f);', 'uses .skip'],
    ['describe.skipIf(x)("a", f);', 'uses .skipIf'],
    ['expect(true).toBe(true);', 'expects a constant'],
    ['await new Promise((r) => setTimeout(r, 100));', 'sleeps with setTimeout'],
    ['await new Promise((r) => { setTimeout(() => r(1), 100); });', 'sleeps with setTimeout'],
    ["import { setTimeout } from 'node:timers/promises';", 'imports node:timers/promises'],
    ['await vi.waitFor(f);', 'uses vi.waitFor'],
    ['await expect.poll(f).toBe(1);', 'uses expect.poll'],
  ])('finds %s', (text, what) => {
    expect(judge(text)).toContain(what);
  });

  it.each([
    'const t = setTimeout(() => stop(), 1000);',
    'await new Promise((resolve, reject) => { on("x", resolve); setTimeout(() => reject(e), 9); });',
    'list.skip(1); it("skip", f); expect(value).toBe(true);',
  ])('lets pass %s', (text) => {
    expect(judge(text)).toEqual([]);
  });
});

describe('sizes', () => {
  const ofLines = (count: number): string => `function f() {\n${'x();\n'.repeat(count - 2)}}`;
  const file = parseSource('model/a.ts', ofLines(FUNCTION_LINES + 1));
  const of = 'model/a.ts#f';
  const entry = (size: number) => [{ of, size, because: 'planted' }];

  it('refuses a function and a file over the limit', () => {
    expect(whats(sizeViolations([file]))).toEqual(['model/a.ts#f has 61 lines, not 60']);
    const long = parseSource('model/b.ts', 'x();\n'.repeat(FILE_LINES + 1));
    expect(whats(sizeViolations([long]))).toEqual(['model/b.ts has 501 lines, not 500']);
  });

  it('lets pass what is at the limit', () => {
    expect(sizeViolations([parseSource('model/a.ts', ofLines(FUNCTION_LINES))])).toEqual([]);
  });

  it('lets a ratchet entry stand, and turn one way only', () => {
    expect(sizeViolations([file], entry(61))).toEqual([]);
    expect(whats(sizeViolations([file], entry(70)))).toEqual([
      'shrank: lower its ratchet entry to 61',
    ]);
    const grown = parseSource('model/a.ts', ofLines(80));
    expect(whats(sizeViolations([grown], entry(61)))).toEqual([`${of} has 80 lines, not 61`]);
    const small = parseSource('model/a.ts', 'function f() {}');
    expect(whats(sizeViolations([small], entry(61)))).toEqual(['must leave the ratchet list']);
  });

  it('refuses a class that is long, has many fields or is tied by closures', () => {
    const whatsOf = (text: string): string[] =>
      whats(sizeViolations([parseSource('api/a.ts', text)]));
    expect(whatsOf(`class A {\n${'\n'.repeat(CLASS_LINES)}}`)).toEqual([
      'api/a.ts#A has 202 lines, not 200',
    ]);
    const fields = (count: number): string =>
      `class A {\n${Array.from({ length: count }, (_, i) => `#f${i} = ${i};\n`).join('')}}`;
    expect(whatsOf(fields(CLASS_FIELDS))).toEqual([]);
    expect(whatsOf(fields(CLASS_FIELDS + 1))).toEqual(['api/a.ts#A has 13 fields, not 12']);
    const parts = (count: number): string =>
      `interface AParts {${Array.from({ length: count }, (_, i) => `f${i}: () => void;`).join(' ')}}`;
    expect(whatsOf(parts(CALLBACKS))).toEqual([]);
    expect(whatsOf(parts(CALLBACKS + 1))).toEqual(['api/a.ts#AParts has 4 callbacks, not 3']);
    expect(
      whatsOf(
        'class A { #a?: () => void; #b?: (x: X) => Y; #c; #d?: () => 1; #e: (() => 1) | undefined; }',
      ),
    ).toEqual(['api/a.ts#A has 4 callbacks, not 3']);
    expect(whatsOf(`class A { ${'readonly #m = (): void => {};'.repeat(20)} }`)).toEqual([]);
  });

  it('counts chapters of tests as prose, and functions in them as functions', () => {
    const body = 'x();\n'.repeat(70);
    const chapter = (text: string): number =>
      sizeViolations([parseSource('model/a.test.ts', text)]).length;
    expect(chapter(`describe('a', () => {\n${body}});`)).toBe(0);
    expect(chapter(`describe('a', () => { it('b', () => {\n${body}}); });`)).toBe(1);
  });
});

describe('orphans', () => {
  const orphans = (files: readonly (readonly [string, string])[]): string[] =>
    orphanViolations(
      files.map(([path, text]) => parseSource(path, text)),
      entriesOf('"chaos": "node dist/tests/chaos/main.js", "." : "./dist/model/index.js"'),
    ).map((one) => one.path);

  it('are files that only their own test reaches, or none', () => {
    expect(
      orphans([
        ['model/lost.ts', ''],
        ['model/proven.ts', ''],
        ['model/proven.test.ts', "import './proven.ts';"],
        ['model/used.ts', ''],
        ['model/index.ts', "export * from './used.ts';"],
        ['cli/main.ts', ''],
        ['tests/free.ts', ''],
      ]),
    ).toEqual(['model/lost.ts', 'model/proven.ts']);
  });
});

describe('prose', () => {
  it('finds rooms that are not on the map, and rooms that are only there', () => {
    const map = '### `model/` names\n\n### `attic/` keeps\n';
    expect(whats(mapViolations(map, ['model/run.ts', 'kernel/run.ts', 'README.md']))).toEqual([
      'does not describe kernel/',
      'describes attic/, not there',
    ]);
  });

  it('finds files that the map names, and that are not there', () => {
    const map = '`kernel/retry.ts`, `retry.ts`, `systems.yaml`\n`kernel/retries.ts`, `try.ts`\n';
    expect(lostPlaces(map, ['kernel/retry.ts']).map(({ line, what }) => `${line} ${what}`)).toEqual(
      ['2 names kernel/retries.ts, which is not there', '2 names try.ts, which is not there'],
    );
  });

  it('finds laws without a test, and tests that are not there', () => {
    const rows = Array.from({ length: 12 }, (_, i) => `| ${i + 1} | Law | \`a.test.ts\` |`);
    expect(lawViolations(rows.join('\n'), ['a.test.ts'])).toEqual([]);
    expect(whats(lawViolations(rows.slice(1).join('\n'), ['a.test.ts']))).toEqual([
      'law 1 lacks a test',
    ]);
    expect(lawViolations(rows.join('\n'), [])).toHaveLength(12);
  });

  it('finds links that lead nowhere', () => {
    const text = '[a](../STYLE.md#x) [b](https://example.com) [c](#y) [d](guides/) [e](lost.md)';
    expect(whats(linkViolations('docs/README.md', text, ['STYLE.md', 'docs/guides/a.md']))).toEqual(
      ['links to lost.md, which is not there'],
    );
  });

  it('finds pages that no page links', () => {
    const pages = new Map([
      ['README.md', '[docs](docs/README.md#x) [out](https://example.com/docs/lost.md)'],
      ['docs/README.md', '[a](guides/a.md)'],
      ['docs/guides/a.md', '[front](../../README.md)'],
      ['docs/guides/lost.md', '[itself](lost.md)'],
    ]);
    expect(unlinkedPages(pages).map(({ path }) => path)).toEqual(['docs/guides/lost.md']);
  });
});

describe('the lock', () => {
  const lock = (packages: object): string => JSON.stringify({ packages });
  const tool = { version: '1.0.0', optionalDependencies: { '@tool/other-os': '1.0.0' } };

  it('names the packages of platforms that it was not written on', () => {
    expect(whats(lockViolations(lock({ 'node_modules/tool': tool })))).toEqual([
      'lacks @tool/other-os, which tool may install',
    ]);
    const other = { version: '1.0.0', optional: true };
    expect(
      lockViolations(lock({ 'node_modules/tool': tool, 'node_modules/@tool/other-os': other })),
    ).toEqual([]);
  });

  it('names no download host', () => {
    const resolved = 'https://example.com/tool.tgz';
    expect(
      whats(lockViolations(lock({ 'node_modules/tool': { version: '1', resolved } }))),
    ).toEqual(['names the download address of tool']);
  });
});

describe('what is read', () => {
  it('leaves out what is hidden, built or installed', () => {
    const odd = listFiles().filter((path) => /(^|\/)(\.|node_modules\/|dist\/)/.test(path));
    expect(odd).toEqual([]);
  });
});
