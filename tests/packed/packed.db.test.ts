/**
 * Tutti as a stranger gets it: `npm pack` here, `npm install` of the archive in an empty folder,
 * and then the executable, the modules and their types from there.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runChild, type Ended } from '../child.ts';
import { type Node, parseSource, ROOT } from '../house/source.ts';
import { openRegistry } from './registry.ts';

const COMMAND_LIMIT_MS = 60_000;
const INSTALL_LIMIT_MS = 200_000;

const packSchema = z.object({
  filename: z.string(),
  files: z.array(z.object({ path: z.string() })),
});
const manifest = z
  .object({
    name: z.string(),
    bin: z.record(z.string(), z.string()),
    exports: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));

let folder: string;
let flows: string;
let archive: string;
let files: readonly string[];

const inFlows = (program: string, ...words: string[]): Promise<Ended> =>
  runChild(program, words, { cwd: flows, limitMs: COMMAND_LIMIT_MS });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-packed-'));
  flows = join(folder, 'flows');
  mkdirSync(flows);
  // The build stands already: `npm test` begins with it.
  const words = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const packed = await runChild('npm', words, { cwd: ROOT, limitMs: COMMAND_LIMIT_MS });
  const said: unknown = JSON.parse(packed.out);
  const [first] = Array.isArray(said) ? said : Object.values(said as object);
  const pack = packSchema.parse(first);
  archive = join(folder, pack.filename);
  files = pack.files.map(({ path }) => path);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the archive', () => {
  it('holds what Tutti needs and nothing that only its makers need', () => {
    const makers =
      /\.(?:test|fake|fixture|suite|child)\.|(?:^|\/)testbed\.|\.map$|\.tsbuildinfo$|(?:^|\/)(?:tests|bench)\//;
    expect(files.filter((path) => makers.test(path))).toEqual([]);
    const needed = ['LICENSE', 'README.md', 'CHANGELOG.md', 'examples/hello.yaml'];
    const named = [...Object.values(manifest.bin), ...Object.values(manifest.exports)];
    const wanted = [...needed, ...named.map((path) => posix.normalize(path))];
    expect(wanted.filter((path) => !files.includes(path))).toEqual([]);
  });

  it('holds no code that nothing in it uses', () => {
    expect(unreached(files)).toEqual([]);
  });

  it('holds every file that another one in it imports', () => {
    const there = new Set(files);
    const missing = files
      .filter((path) => /\.(?:js|d\.ts)$/.test(path))
      .flatMap((path) => importedBy(path).filter((target) => !there.has(target)));
    expect([...new Set(missing)]).toEqual([]);
  });
});

/** Files that no other one in the archive names; a module that only has types is built to nothing. */
function unreached(paths: readonly string[]): string[] {
  const entries = [...Object.values(manifest.bin), ...Object.values(manifest.exports)];
  const reached = new Set(['dist/cli/main.js', ...entries.map((path) => posix.normalize(path))]);
  for (const path of reached) {
    const text = path.endsWith('.js') ? readFileSync(join(ROOT, path), 'utf8') : '';
    for (const [, name = ''] of text.matchAll(/'(\.{1,2}\/[^']+\.js)'/g)) {
      const target = posix.join(posix.dirname(path), name);
      if (paths.includes(target)) reached.add(target);
    }
  }
  return paths.filter((path) => path.endsWith('.js') && !reached.has(path)).filter(holdsCode);
}

function holdsCode(path: string): boolean {
  const { body } = parseSource(path, readFileSync(join(ROOT, path), 'utf8')).tree;
  return Array.isArray(body) && body.some((node: Node) => !isEmptyExport(node));
}

function isEmptyExport({ type, declaration, specifiers, source }: Node): boolean {
  const nothing = Array.isArray(specifiers) && specifiers.length === 0;
  return type === 'ExportNamedDeclaration' && !declaration && !source && nothing;
}

/** Relative imports of a built file; a declaration names the source of the other declaration. */
function importedBy(path: string): string[] {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return [...text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)]
    .map((hit) => posix.join(posix.dirname(path), hit[1] ?? ''))
    .map((target) => target.replace(/\.ts$/, '.d.ts'));
}

describe('installed in an empty folder', () => {
  beforeAll(async () => {
    const registry = await openRegistry();
    try {
      const words = ['install', '--no-audit', '--no-fund', '--registry', registry.url];
      const cache = ['--cache', join(folder, 'cache'), '--userconfig', join(folder, 'npmrc')];
      const place = { cwd: flows, limitMs: INSTALL_LIMIT_MS };
      const { code, err } = await runChild('npm', [...words, ...cache, archive], place);
      if (code !== 0) throw new Error(`npm install ended with ${code}: ${err}`);
    } finally {
      await registry.close();
    }
  }, 2 * INSTALL_LIMIT_MS);

  it('answers as `npx tutti`, without asking any registry', async () => {
    const { code, out } = await inFlows('npx', '--offline', 'tutti', '--version');
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it('runs the example that comes with it', async () => {
    const hello = `node_modules/${manifest.name}/examples/hello.yaml`;
    const ran = await inFlows('npx', 'tutti', 'run', hello, '-i', 'name=Ada');
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/✔ greet succeeded/) });
    expect(ran.out).toMatch(/short succeeded[^]*the run succeeded/);
  });

  it('offers its modules, with types', async () => {
    const names = Object.keys(manifest.exports).filter((name) => !name.endsWith('.json'));
    const lines = names.map((name, index) => {
      const specifier = posix.join(manifest.name, name);
      return `import * as part${index} from '${specifier}';\nexport const n${index}: number = Object.keys(part${index}).length;`;
    });
    writeFileSync(join(flows, 'modules.mts'), `${lines.join('\n')}\n`);
    writeFileSync(join(flows, 'modules.mjs'), lines.join('\n').replaceAll(': number', ''));
    expect(await inFlows(process.execPath, 'modules.mjs')).toMatchObject({ code: 0, err: '' });
    expect(await typeCheck('modules.mts')).toMatchObject({ code: 0, out: '' });
  });
});

function typeCheck(file: string): Promise<Ended> {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023'];
  return inFlows(process.execPath, tsc, '--ignoreConfig', ...strict, ...types, file);
}
