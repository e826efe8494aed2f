/**
 * What a command loads is what its user waits for. Each of these lists is complete: a package that
 * a quick command comes to load is written here on purpose, or not loaded.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from './house/source.ts';

/** Writes down every module that is loaded, before it is. */
const WITNESS = `
import { appendFileSync } from 'node:fs';
export async function load(url, context, next) {
  appendFileSync(process.env.LOADED, url + '\\n');
  return next(url, context);
}`;
const REGISTER = `
import { register } from 'node:module';
register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(WITNESS)}`)});`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-start-up-'));
  const task = (action: string) => `workflow: w\ntasks: { t: { ${action} } }\n`;
  writeFileSync(join(folder, 'noop.yaml'), task('action: tutti.noop'));
  writeFileSync(join(folder, 'shell.yaml'), task('action: shell.run, with: { script: date }'));
  writeFileSync(join(folder, 'wrong.yaml'), task('action: shel.run'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Loaded {
  /** `zod`, and the like. */
  readonly packages: readonly string[];
  /** `cli/main`, and the like. */
  readonly own: readonly string[];
}

async function loadedBy(...words: string[]): Promise<Loaded> {
  const list = join(folder, 'loaded');
  writeFileSync(list, '');
  const hook = `data:text/javascript,${encodeURIComponent(REGISTER)}`;
  const args = ['--import', hook, join(ROOT, 'cli/tutti.js'), ...words];
  // Nobody listens on port 1: a command that asks a server has loaded what it asks with by then.
  const env = { ...process.env, LOADED: list, TUTTI_URL: 'http://127.0.0.1:1' };
  await promisify(execFile)(process.execPath, args, { cwd: folder, env }).catch(() => undefined);
  const urls = readFileSync(list, 'utf8').split('\n');
  const pick = (pattern: RegExp) => [
    ...new Set(urls.flatMap((url) => pattern.exec(url)?.[1] ?? [])),
  ];
  return {
    packages: pick(/\/node_modules\/((?:@[^/]+\/)?[^/]+)/).toSorted(),
    own: pick(/\/dist\/(.+)\.js$/).toSorted(),
  };
}

const READING = ['@marcbachmann/cel-js', 'commander', 're2js', 'yaml', 'zod'];

describe('what is loaded', () => {
  it.each(['--version', '--help', 'help run', 'serve --help', 'validate', 'runs --limit 0'])(
    'by `%s`: the tree of commands, and none of what they do',
    async (words) => {
      const { packages, own } = await loadedBy(...words.split(' '));
      expect(packages).toEqual(['commander']);
      expect(own).toContain('cli/program/run');
      expect(own.filter((path) => path.startsWith('cli/commands/'))).toEqual([]);
    },
  );

  it.each([
    ['noop.yaml', ['tutti']],
    ['shell.yaml', ['shell']],
    ['wrong.yaml', ['file', 'http', 'shell', 'sql', 'tutti']],
  ])('to validate %s: what reads it, and the connectors %j', async (file, connectors) => {
    const { packages, own } = await loadedBy('validate', file);
    expect(packages).toEqual(READING);
    const found = own.flatMap((path) => /^connectors\/(\w+)\/connector$/.exec(path)?.[1] ?? []);
    expect(found.filter((name) => name !== 'kit')).toEqual(connectors);
  });

  it('to ask a server: a client, and nothing of a server', async () => {
    const { packages, own } = await loadedBy('show', 'x');
    expect(packages).toEqual(['commander', 'yaml', 'zod']);
    expect(own).toContain('cli/connection');
    expect(own).not.toContain('cli/node');
  });
});
