/**
 * The content of files: its checksum, and how it comes to a place all at once.
 *
 * A file never appears half: it is written beside its place under a name that says so, checked
 * there, and then renamed. Where nothing may be replaced it is linked instead, for a link fails
 * when the name is taken, and a rename does not.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import { link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ActionFailure } from '../kit/index.ts';

export const ALGORITHMS = ['sha256', 'sha512', 'sha1', 'md5'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export interface Content {
  readonly sizeBytes: number;
  readonly checksum: string;
}

export async function readContent(
  file: string,
  algorithm: Algorithm,
  signal: AbortSignal,
): Promise<Content> {
  const hash = createHash(algorithm);
  let sizeBytes = 0;
  for await (const part of createReadStream(file, { signal }) as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    hash.update(part);
  }
  return { sizeBytes, checksum: hash.digest('hex') };
}

export function sameContent(one: Content, other: Content): boolean {
  return one.sizeBytes === other.sizeBytes && one.checksum === other.checksum;
}

/** The file, or undefined where there is none. Folders and devices are refused. */
export async function statFile(file: string): Promise<Stats | undefined> {
  const facts = await stat(file).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
    throw failureOf(error, file);
  });
  if (facts === undefined || facts.isFile()) return facts;
  throw new ActionFailure({
    class: 'rejected',
    code: 'file.not-a-file',
    message: `${file} is there, but it is not a file`,
  });
}

/** A name beside the target, new each time: two attempts never write into one another's. */
function besideOf(target: string): string {
  const name = path.basename(target).slice(0, 150);
  return path.join(path.dirname(target), `.${name}.${randomBytes(6).toString('hex')}.part`);
}

/** Makes a file beside the target, then lets it appear there. False: the name is taken. */
export async function appear(
  target: string,
  replace: boolean,
  make: (part: string) => Promise<void>,
): Promise<boolean> {
  await mkdir(path.dirname(target), { recursive: true });
  const part = besideOf(target);
  try {
    await make(part);
    await sync(part);
    if (!replace && !(await linkNew(part, target))) return false;
    if (replace) await rename(part, target);
    await syncFolderOf(target);
    return true;
  } finally {
    await rm(part, { force: true });
  }
}

export async function linkNew(from: string, target: string): Promise<boolean> {
  try {
    await link(from, target);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** What is reported as there must be there after a power failure too. */
async function sync(fileOrFolder: string): Promise<void> {
  const handle = await open(fileOrFolder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes names durable. Some network file systems cannot, and keep them safe in their own way. */
export async function syncFolderOf(file: string): Promise<void> {
  await sync(path.dirname(file)).catch(() => {});
}

/** Copies and reads back what was written: the checksum is that of both. */
export async function copyVerified(
  source: string,
  part: string,
  facts: Stats,
  signal: AbortSignal,
): Promise<Content> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const measure = new Transform({
    transform(data: Buffer, _encoding, done) {
      hash.update(data);
      sizeBytes += data.length;
      done(null, data);
    },
  });
  const writing = createWriteStream(part, { flags: 'wx', mode: facts.mode & 0o777 });
  await pipeline(createReadStream(source), measure, writing, { signal });
  const read: Content = { sizeBytes, checksum: hash.digest('hex') };
  const now = await stat(source);
  if (now.size !== sizeBytes || now.mtimeMs !== facts.mtimeMs) {
    throw new ActionFailure({
      class: 'transient',
      code: 'file.changing',
      message: `${source} changed while it was read; wait for it with file.wait first`,
    });
  }
  if (!sameContent(read, await readContent(part, 'sha256', signal))) {
    throw new ActionFailure({
      class: 'transient',
      code: 'file.corrupt',
      message: `what was written beside the target differs from ${source}; nothing was put in place`,
    });
  }
  return read;
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

const TRANSIENT = [
  'EMFILE',
  'ENFILE',
  'EAGAIN',
  'EBUSY',
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'ETIMEDOUT',
  'ESTALE',
];

export function failureOf(error: unknown, file: string): ActionFailure {
  if (error instanceof ActionFailure) return error;
  const native = { error: codeOf(error) ?? 'unknown' };
  const fail = (kind: ActionFailure['class'], code: string, message: string) =>
    new ActionFailure({ class: kind, code, message, native }, { cause: error });
  if (native.error === 'ENOENT') return fail('rejected', 'file.missing', `${file} is not there`);
  if (native.error === 'EACCES' || native.error === 'EPERM') {
    return fail('auth', 'file.permission', `${file}: this user has no permission`);
  }
  if (native.error === 'ABORT_ERR') {
    return fail(
      'failed',
      'file.cancelled',
      `${file}: the work was cancelled; nothing was put in place`,
    );
  }
  const kind = TRANSIENT.includes(native.error) ? 'transient' : 'rejected';
  return fail(kind, 'file.system', `${file}: the file system refused (${native.error})`);
}
