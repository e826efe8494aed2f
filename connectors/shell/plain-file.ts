/**
 * What a job leaves, read as a plain file or not at all. A job may put anything in the place of
 * the files that we read: a pipe, on which opening waits without end, a link to a device that never
 * ends, a folder. So nothing of it is believed before the kernel has said what was opened; no link
 * is followed, nothing is waited for, and no more is read than was asked for.
 *
 * It all goes beside our thread: on a file system that is the job's own, too, a call may hang.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Something is there, and it is not a file that can be read. */
export class NotPlain extends Error {
  /** "a pipe", "a folder" … */
  readonly what: string;
  constructor(what: string, cause?: unknown) {
    super(`is ${what}, not a plain file`, { cause });
    this.what = what;
  }
}

/** The size of what is there; undefined when nothing is. */
export async function plainSize(file: string): Promise<number | undefined> {
  const facts = await factsOf(() => lstat(file));
  return facts && sizeOf(facts);
}

/** The beginning of the file, `limit` + 1 bytes at most: one more than allowed says too much. */
export async function readPlain(file: string, limit: number): Promise<Buffer | undefined> {
  return await withPlain(file, async (handle, size) => {
    if (size > limit) return Buffer.alloc(limit + 1);
    return await readAt(handle, 0, limit + 1);
  });
}

/** Up to `length` bytes from an offset, and the size that the file had. */
export async function readPart(
  file: string,
  from: number,
  length: number,
): Promise<{ readonly bytes: Buffer; readonly size: number } | undefined> {
  return await withPlain(file, async (handle, size) => ({
    bytes: await readAt(handle, from, Math.max(0, Math.min(length, size - from))),
    size,
  }));
}

async function withPlain<T>(
  file: string,
  use: (handle: FileHandle, size: number) => Promise<T>,
): Promise<T | undefined> {
  const handle = await factsOf(() => open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (handle === undefined) return undefined;
  try {
    return await use(handle, sizeOf(await handle.stat()));
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const room = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(room, filled, length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return room.subarray(0, filled);
}

function sizeOf(facts: Stats): number {
  if (facts.isFile() && Number.isSafeInteger(facts.size)) return facts.size;
  if (facts.isFile()) throw new NotPlain('a file that says it is larger than any disk');
  if (facts.isFIFO()) throw new NotPlain('a pipe');
  if (facts.isDirectory()) throw new NotPlain('a folder');
  if (facts.isSymbolicLink()) throw new NotPlain('a link');
  throw new NotPlain(facts.isSocket() ? 'a socket' : 'a device');
}

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);
/** What opening says of what cannot be opened so. */
const REFUSALS: Readonly<Record<string, string>> = {
  ELOOP: 'a link',
  EMLINK: 'a link',
  ENXIO: 'a socket or a device',
  EOPNOTSUPP: 'a socket or a device',
  ENODEV: 'a socket or a device',
  EACCES: 'closed to us',
  EPERM: 'closed to us',
};

/** Other errors say that the machine is short of something: to be asked again, no word about the job. */
async function factsOf<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (ABSENT.has(code)) return undefined;
    const what = REFUSALS[code];
    throw what === undefined ? error : new NotPlain(what, error);
  }
}
