/**
 * What the operating system says no to, in words: which path, what is wrong with it, what to do. One
 * table for every place where a path is opened that a person has given, and for all that is thrown
 * from further below.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { TuttiError } from '../model/errors.ts';

interface Words {
  readonly wrong: string;
  readonly next: string;
}

const PATH = 'Check the path.';
const OTHER = 'Choose another path.';
const NO_FOLDERS = { wrong: 'its file system makes no folders', next: OTHER };
const WORDS: Readonly<Record<string, Words>> = {
  EACCES: { wrong: 'this user may not', next: 'Give the user the right, or choose another path.' },
  EPERM: { wrong: 'this user may not', next: 'Give the user the right, or choose another path.' },
  EROFS: {
    wrong: 'the file system is read-only',
    next: 'Mount it for writing, or choose another path.',
  },
  ENOSPC: { wrong: 'the disk is full', next: 'Free some space, then try again.' },
  EDQUOT: { wrong: 'the quota of the disk is used up', next: 'Free some space, then try again.' },
  EFBIG: { wrong: 'the file is larger than the system allows', next: 'See ulimit -f.' },
  EMFILE: { wrong: 'this process may not open more files', next: 'Raise the limit: ulimit -n.' },
  ENFILE: {
    wrong: 'the machine cannot open more files',
    next: 'Stop programs that keep files open.',
  },
  ENOENT: { wrong: 'it is not there', next: PATH },
  ENOTDIR: { wrong: 'a part of the path is not a folder', next: PATH },
  EISDIR: { wrong: 'it is a folder, not a file', next: 'Name a file, or remove the folder.' },
  EEXIST: {
    wrong: 'another file exists there already',
    next: 'Remove it, or choose another path.',
  },
  ENOTEMPTY: { wrong: 'the folder is not empty', next: OTHER },
  ELOOP: {
    wrong: 'its symbolic links lead in a circle, or it must not be a link',
    next: 'Name the file itself.',
  },
  ENAMETOOLONG: { wrong: 'the name is too long', next: 'Choose a shorter one.' },
  EINVAL: { wrong: 'the path or the file system does not allow it', next: OTHER },
  ENXIO: {
    wrong: 'it is a pipe, a socket or a device without a counterpart',
    next: 'Name a regular file.',
  },
  ENODEV: { wrong: 'it is a device that is not there', next: 'Name a regular file.' },
  EBUSY: { wrong: 'something else is using it', next: 'Stop that program, then try again.' },
  ETXTBSY: { wrong: 'it is a program that runs', next: OTHER },
  EXDEV: { wrong: 'it is on another file system', next: OTHER },
  EIO: { wrong: 'the disk has failed', next: 'See the log of the system.' },
  ESTALE: { wrong: 'the network file system has lost it', next: 'Mount it again.' },
  ETIMEDOUT: { wrong: 'the network file system does not answer', next: 'Mount it again.' },
  ENOTSUP: { wrong: 'its file system cannot do that', next: OTHER },
  EAGAIN: {
    wrong: 'the machine cannot start more processes, or it is locked',
    next: 'See ulimit -u.',
  },
  ENOMEM: { wrong: 'the machine is out of memory', next: 'Free some space, then try again.' },
};

/** What the system said no to; a mistake of ours has no system call. */
export function isSystemRefusal(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

export function systemRefusal(error: NodeJS.ErrnoException): string {
  const { code = '', syscall = 'the call', message } = error;
  // A file that is put in place (rename, link) is known by its place.
  const path = 'dest' in error ? String(error.dest) : error.path;
  if (WORDS[code] === undefined) return `The system refused: ${message}.`;
  const { wrong, next } = wordsOf(error);
  return `The system refused ${path === undefined ? syscall : `${syscall} ${path}`}: ${wrong}. ${next}`;
}

/** Far more than any file that is read; a device that never ends is left here. */
const MOST_BYTES = 64 * 1024 * 1024;
const PART_BYTES = 64 * 1024;

/** Reads a file that a person named; `shown`: how they did. */
export function readGiven(path: string | 0, shown: string): Buffer {
  const refused = (why: string, cause?: unknown): TuttiError =>
    new TuttiError('request.invalid', `${shown} cannot be read: ${why}`, { cause });
  let bytes: Buffer | null;
  try {
    bytes = readWhole(path);
  } catch (error) {
    if (!isSystemRefusal(error)) throw error;
    const { wrong, next } = wordsOf(error);
    throw refused(`${wrong}. ${next}`, error);
  }
  if (bytes === null) throw refused('it holds more than 64 MB. Name a regular file.');
  return bytes;
}

/** Null: more than is read. */
function readWhole(path: string | 0): Buffer | null {
  const descriptor = path === 0 ? 0 : openSync(path, 'r');
  try {
    const parts: Buffer[] = [];
    for (let length = 0; length <= MOST_BYTES; ) {
      const room = Buffer.allocUnsafe(PART_BYTES);
      const count = readSync(descriptor, room, 0, PART_BYTES, null);
      if (count === 0) return Buffer.concat(parts);
      parts.push(room.subarray(0, count));
      length += count;
    }
    return null;
  } finally {
    if (descriptor !== 0) closeSync(descriptor);
  }
}

/** What is wrong, with the system's own name for it, and what to do. */
export function wordsOf(error: unknown): Words {
  if (!isSystemRefusal(error)) return { wrong: String(error), next: PATH };
  const { code = '', syscall, message } = error;
  // The folder above it is there, or its own refusal would have come first (`makeFolders`).
  const words = code === 'ENOENT' && syscall === 'mkdir' ? NO_FOLDERS : WORDS[code];
  return words === undefined
    ? { wrong: message, next: PATH }
    : { ...words, wrong: `${words.wrong} (${code})` };
}
