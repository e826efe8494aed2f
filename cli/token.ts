/**
 * The token of a data folder: whoever can read the file is an operator. `tutti serve` makes it, the
 * other commands find it there. TUTTI_TOKEN stands for it where there is no folder.
 *
 * The file is believed only when no other user can have written it, and no other user can read it.
 */
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { makeSecret } from '../api/credentials.ts';
import { writeFile } from '../journal/embedded/disk.ts';
import { TuttiError } from '../model/errors.ts';
import { wordsOf } from './system-refusal.ts';

const FORM = /^[\w-]{32,200}$/;

/** null: there is none. Throws `token.unsafe`. */
export function readToken(folder: string): string | null {
  const file = join(folder, 'token');
  const text = readPrivate(file, folder);
  if (text === null) return null;
  const token = text.trim();
  if (FORM.test(token)) return token;
  throw unsafe(file, 'must hold one word of 32 to 200 letters, digits, - and _');
}

/** The folder's token; made when there is none. Of two who make it both get the same. */
export function makeToken(folder: string): string {
  const known = readToken(folder);
  if (known !== null) return known;
  const file = join(folder, 'token');
  const draft = `${file}.${process.pid}`;
  rmSync(draft, { force: true });
  writeFile(draft, `${makeSecret()}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return makeToken(folder);
}

function readPrivate(file: string, folder: string): string | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw unsafe(file, `cannot be read: ${wordsOf(error).wrong}`);
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw unsafe(file, 'is no file');
    if ((stats.mode & 0o077) !== 0) throw unsafe(file, 'can be read or written by others');
    if (!isOurs(stats, folder)) throw unsafe(file, `belongs to user ${stats.uid}`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** Root may look after the folder of a service: then the file must be that user's. */
function isOurs({ uid }: Stats, folder: string): boolean {
  const me = process.getuid?.();
  return me === undefined || uid === me || (me === 0 && uid === statSync(folder).uid);
}

function unsafe(file: string, why: string): TuttiError {
  return new TuttiError('token.unsafe', `${file} ${why}.`);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
