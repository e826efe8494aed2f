/**
 * Who may connect to the embedded server: those who know its password.
 *
 * The socket's folder keeps other users out, but not the one that the server runs as: started by
 * root that is `postgres` or `nobody`, who else would be Tutti, and so root. The password is made
 * once and kept beside the cluster, in a file that only the owner of the folder may read; the
 * server has the verifier (RFC 5802) and never sees it. Passwords of systems are derived from it,
 * so there is nothing else to keep, and nothing that a crash could leave half made.
 *
 * A cluster that was made before, or whose password is lost, lets Tutti in without one for as long
 * as it takes to set it: only who may write the cluster's files can open it so.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TuttiError } from '../../model/errors.ts';
import { readFile, writeFile } from './disk.ts';
import type { ClusterPaths } from './cluster-paths.ts';

const FORM = /^[A-Za-z0-9_-]{43}$/;
const ROUNDS = 4096;
const OPEN = 'local all all trust # by Tutti, until the password is set';
/** The method of a line, behind what it is for. */
const TRUST = /^(\s*(?:local|host\w*)(?:\s+[^\s#]+){2,4}\s+)trust(?=\s|$)/gm;

/** Makes it, if there is none. */
export function passwordOf(paths: ClusterPaths): string {
  const file = join(paths.base, 'password');
  const known = read(file);
  if (known !== undefined) return known;
  const aside = `${file}.${process.pid}`;
  rmSync(aside, { force: true });
  writeFile(aside, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  // As the folder: a plain user's stays theirs when root starts Tutti.
  const { uid, gid } = statSync(paths.base);
  if (process.getuid?.() === 0) chownSync(aside, uid, gid);
  try {
    linkSync(aside, file);
  } catch (error) {
    // Another process made it at the same moment.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
  return read(file) ?? passwordOf(paths);
}

function read(file: string): string | undefined {
  let text: string;
  try {
    text = readFile(file).trim();
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    throw new TuttiError(
      'database.unavailable',
      `The password of the embedded PostgreSQL, ${file}, cannot be read (${code}). Start Tutti as the user who made the data folder, or as root.`,
      { cause },
    );
  }
  if (FORM.test(text)) return text;
  throw new TuttiError(
    'database.unavailable',
    `${file} does not hold the password of the embedded PostgreSQL. Bring the file back, or remove it: then Tutti makes another.`,
  );
}

/** The password of a system's role. */
export function passwordFor(name: string, password: string): string {
  return createHmac('sha256', password).update(`system ${name}`).digest('base64url');
}

/** What the server keeps of a password. The same each time, so that it is set only when it differs. */
export function verifierOf(password: string): string {
  const salt = hmac(Buffer.from(password), 'salt').subarray(0, 16);
  const salted = pbkdf2Sync(password, salt, ROUNDS, 32, 'sha256');
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const server = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${ROUNDS}:${salt.toString('base64')}$${stored}:${server}`;
}

/** Whether the server admits every user who reaches its socket. */
export function isOpen(paths: ClusterPaths): boolean {
  return rules(paths).search(TRUST) !== -1;
}

/** From the server's next reload on. */
export function open(paths: ClusterPaths): void {
  setRules(paths, `${OPEN}\n${rules(paths)}`);
}

export function close(paths: ClusterPaths): void {
  const kept = rules(paths).replaceAll(`${OPEN}\n`, '');
  setRules(paths, kept.replaceAll(TRUST, '$1scram-sha-256'));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function rules(paths: ClusterPaths): string {
  return readFile(join(paths.cluster, 'pg_hba.conf'));
}

function setRules(paths: ClusterPaths, text: string): void {
  const file = join(paths.cluster, 'pg_hba.conf');
  const aside = `${file}.${process.pid}`;
  writeFile(aside, text, { mode: 0o600 });
  const { uid, gid } = paths.identity;
  if (uid !== undefined) chownSync(aside, uid, gid ?? uid);
  renameSync(aside, file);
}
