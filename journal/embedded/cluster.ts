/**
 * Makes the cluster: aside, then renamed, so that a kill in the middle leaves no half cluster
 * and two processes that start at once end with one.
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { TuttiError } from '../../model/errors.ts';
import { writeFile } from './disk.ts';
import type { Binaries } from './binaries.ts';
import { passwordOf, verifierOf } from './password.ts';
import { serverEnvironment } from './postmaster.ts';
import { leaveNote, type ClusterPaths } from './cluster-paths.ts';

/** Tutti's own role; see `password.ts`. */
export const SUPERUSER = 'tutti';

const run = promisify(execFile);

export function clusterMajor(paths: ClusterPaths): number | null {
  const file = join(paths.cluster, 'PG_VERSION');
  if (!existsSync(paths.cluster)) return null;
  try {
    return Number(readFileSync(file, 'utf8').trim());
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new TuttiError(
      'database.unavailable',
      code === 'EACCES'
        ? `This user may not enter ${paths.cluster}: it belongs to the user who made it. Start Tutti as that user or as root.`
        : `${paths.cluster} is not a PostgreSQL cluster: ${file} cannot be read (${code}).`,
      { cause },
    );
  }
}

const NO_ROOM = /No space left on device|Disk quota exceeded/;

/** A full disk is no lack of PostgreSQL; initdb says a dozen lines about it. */
function initdbFailed(paths: ClusterPaths, cause: unknown): TuttiError {
  const output = (cause as { stderr?: string }).stderr?.trim() || String(cause);
  const [full] = NO_ROOM.exec(output) ?? [];
  if (full === undefined) {
    return new TuttiError('database.unavailable', `initdb failed: ${output}`, { cause });
  }
  const sentence = `The database cannot be made in ${paths.base}: ${full}. A new one needs 60 MB.`;
  return new TuttiError('machine.refused', sentence, { cause });
}

export async function createCluster(paths: ClusterPaths, binaries: Binaries): Promise<void> {
  const aside = `${paths.cluster}.new.${process.pid}`;
  mkdirSync(aside, { mode: 0o700 });
  chmodSync(aside, 0o700);
  const { uid, gid } = paths.identity;
  if (uid !== undefined) chownSync(aside, uid, gid ?? uid);
  // Read by the server's user: it is given the verifier, which opens nothing.
  const verifier = join(paths.base, `verifier.${process.pid}`);
  writeFile(verifier, `${verifierOf(passwordOf(paths))}\n`, { mode: 0o600 });
  if (uid !== undefined) chownSync(verifier, uid, gid ?? uid);
  const access = ['-A', 'scram-sha-256', `--pwfile=${verifier}`];
  const options = [...access, '-E', 'UTF8', '--locale=C', '--data-checksums'];
  try {
    await run(
      join(binaries.folder, 'initdb'),
      ['-D', aside, '-U', SUPERUSER, ...options, '--no-instructions'],
      { ...paths.identity, cwd: aside, env: serverEnvironment() },
    );
  } catch (cause) {
    rmSync(aside, { recursive: true, force: true });
    throw initdbFailed(paths, cause);
  } finally {
    rmSync(verifier, { force: true });
  }
  try {
    renameSync(aside, paths.cluster);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    if (!existsSync(paths.cluster)) throw error;
  }
  leaveNote(paths);
}

/** What a kill in the middle of `createCluster` left. */
export function removeLeftovers(paths: ClusterPaths): void {
  const prefix = `${basename(paths.cluster)}.new.`;
  for (const name of readdirSync(paths.base)) {
    if (!name.startsWith(prefix) || alive(Number(name.slice(prefix.length)))) continue;
    try {
      rmSync(join(paths.base, name), { recursive: true, force: true });
    } catch {
      // ignored: an initdb that outlived its parent still writes there; the next start removes it.
    }
  }
}

function alive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
