/**
 * Where the cluster lives.
 *
 * `DATA/postgres/` holds it. When root starts us, the server's user must get there. A data folder
 * that only root may enter lets the server's group pass through (0710); so do folders between it
 * and the system's temporary directory, which were made for the occasion and go with it. Other
 * folders above it are not ours to open: below a 0700 home the cluster goes to
 * `/var/lib/tutti/<hash of the data folder>`, and `DATA/postgres.place` says so. That note is
 * written only after the cluster exists: a note without a cluster means that data was lost, and
 * is an error rather than a fresh start.
 *
 * The socket is inside the 0700 cluster, so no port is needed. Socket paths
 * end at 107 bytes (103 on macOS): for longer ones a 0700 folder in `/tmp`, whatever
 * TMPDIR says, so that every process finds the same one.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  renameSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { TuttiError } from '../../model/errors.ts';
import { makeFolders, readFile, writeFile } from './disk.ts';
import { canReach, serverIdentity, type Identity } from './identity.ts';

export interface ClusterPaths {
  readonly base: string;
  readonly cluster: string;
  readonly log: string;
  /** The pipe that every user of the server holds open; see `watchdog.ts`. */
  readonly users: string;
  readonly identity: Identity;
  /** The note to leave in the data folder once the cluster exists. */
  readonly note: { readonly path: string; readonly text: string } | null;
}

/** Only part of the socket's name: no port is opened. */
export const PORT = 5432;
const SOCKET_PATH_BYTES_MAX = 103;
const ELSEWHERE = '/var/lib/tutti';

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function pathsAt(base: string, identity: Identity, note: ClusterPaths['note']): ClusterPaths {
  return {
    base,
    cluster: join(base, 'cluster'),
    log: join(base, 'server.log'),
    users: join(base, 'users'),
    identity,
    note,
  };
}

function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolders(path);
  // A strict umask would lock the server's user out of a folder that is ours.
  if (process.getuid?.() === 0) chmodSync(path, 0o755);
}

export function findClusterPaths(dataDirectory: string): ClusterPaths {
  makeFolder(dataDirectory);
  const data = realpathSync(dataDirectory);
  const notePath = join(data, 'postgres.place');
  if (existsSync(notePath)) return notedPaths(notePath);
  const base = join(data, 'postgres');
  const identity = serverIdentity(join(base, 'cluster'));
  const temporary = `${resolve(tmpdir())}/`;
  for (let each = data; each === data || each.startsWith(temporary); each = dirname(each)) {
    letGroupPass(each, identity);
  }
  if (canReach(identity, data, 1)) {
    makeFolder(base);
    return pathsAt(base, identity, null);
  }
  if (existsSync(join(base, 'cluster'))) {
    throw new TuttiError(
      'database.unavailable',
      `The user that runs PostgreSQL (uid ${identity.uid}) can no longer get to ${base}: ` +
        'allow others to pass through the folders above it (chmod o+x), or move the data folder.',
    );
  }
  return pathsElsewhere(data, notePath);
}

function letGroupPass(folder: string, identity: Identity): void {
  if (identity.gid === undefined) return;
  const { uid, mode } = statSync(folder);
  if (uid !== 0 || (mode & 0o071) !== 0) return;
  chownSync(folder, uid, identity.gid);
  chmodSync(folder, (mode & 0o707) | 0o010);
}

function notedPaths(notePath: string): ClusterPaths {
  const base = readFile(notePath).trim();
  if (!existsSync(join(base, 'cluster'))) {
    throw new TuttiError(
      'database.unavailable',
      `${notePath} says that the database is in ${base}, but it is not there. ` +
        'Bring that folder back; remove the note only to start with an empty database.',
    );
  }
  return pathsAt(base, serverIdentity(join(base, 'cluster')), null);
}

function pathsElsewhere(data: string, notePath: string): ClusterPaths {
  const base = join(ELSEWHERE, digest(data));
  try {
    makeFolder(ELSEWHERE);
    makeFolder(base);
  } catch (cause) {
    throw new TuttiError(
      'database.unavailable',
      `The user that runs PostgreSQL cannot get to ${data}, and ${base} cannot be made instead. ` +
        'Choose a --data folder that others may pass through, or start Tutti as another user than root.',
      { cause },
    );
  }
  return pathsAt(base, serverIdentity(join(base, 'cluster')), {
    path: notePath,
    text: `${base}\n`,
  });
}

export function leaveNote(paths: ClusterPaths): void {
  if (paths.note === null) return;
  const aside = `${paths.note.path}.new`;
  writeFile(aside, paths.note.text, {});
  renameSync(aside, paths.note.path);
}

/** The folder for the socket of a server that we start. */
export function socketFolder(paths: ClusterPaths): string {
  const socket = join(paths.cluster, `.s.PGSQL.${PORT}`);
  if (Buffer.byteLength(socket) <= SOCKET_PATH_BYTES_MAX) return paths.cluster;
  const uid = paths.identity.uid ?? process.getuid?.() ?? 0;
  const folder = join('/tmp', `tutti-${digest(`${uid} ${paths.cluster}`)}`);
  if (!existsSync(folder)) {
    mkdirSync(folder, { mode: 0o700 });
    if (paths.identity.uid !== undefined) chownSync(folder, uid, paths.identity.gid ?? uid);
  }
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & 0o077) !== 0) {
    throw new TuttiError(
      'database.unavailable',
      `${folder} should be a folder that only uid ${uid} may enter, and is not. Remove it.`,
    );
  }
  return folder;
}
