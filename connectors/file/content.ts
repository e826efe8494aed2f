/**
 * The content of files: its checksum, and how it comes to a place all at once.
 *
 * A file never appears half: it is written beside its place under a name that says so, checked
 * there, and then renamed. Where nothing may be replaced it is linked instead, for a link fails
 * when the name is taken, and a rename does not.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  open,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ActionFailure } from '../kit/index.ts';

export const ALGORITHMS = ['sha256', 'sha512', 'sha1', 'md5'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

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
  try {
    for await (const part of createReadStream(file, { signal }) as AsyncIterable<Buffer>) {
      sizeBytes += part.length;
      hash.update(part);
    }
  } catch (error) {
    throw failureOf(error, file);
  }
  return { sizeBytes, checksum: hash.digest('hex') };
}

export function sameContent(one: Content, other: Content): boolean {
  return one.sizeBytes === other.sizeBytes && one.checksum === other.checksum;
}

/** The file, or undefined where there is none. Folders and devices are refused. */
export async function statFile(file: string): Promise<Stats | undefined> {
  const facts = await stat(file).catch((error: unknown) => {
    // Everything else that keeps us from looking does not mean that nothing is there.
    if (codeOf(error) === 'ENOENT') return undefined;
    throw failureOf(error, file);
  });
  if (facts === undefined || facts.isFile()) return facts;
  throw notAFile(file);
}

export function notAFile(file: string): ActionFailure {
  return new ActionFailure({
    class: 'rejected',
    code: 'file.not-a-file',
    message: `${file} is there, but it is not a file`,
  });
}

const MOST_LINKS = 40;

/** The file that is written when this name is: where it is a link, the one behind it. */
export async function behindLinks(file: string): Promise<string> {
  let at = file;
  for (let links = 0; links < MOST_LINKS; links += 1) {
    const facts = await lstat(at).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw failureOf(error, at);
    });
    if (facts === undefined || !facts.isSymbolicLink()) return at;
    // What a link says begins in the folder that it really is in.
    at = path.resolve(await realpath(path.dirname(at)), await readlink(at));
  }
  throw failureOf(Object.assign(new Error('a loop of links'), { code: 'ELOOP' }), file);
}

/**
 * A name beside the target, new each time: two attempts never write into one another's. Nothing of
 * the target's name is in it, which may be as long as a name can be.
 */
function besideOf(target: string): string {
  return path.join(path.dirname(target), `.tutti-${randomBytes(8).toString('hex')}.part`);
}

/**
 * Makes a file beside the target, then lets it appear there. False: the name is taken. A file that
 * is replaced hands on its mode and owner: `mode` is for those who say which it is to have.
 */
export async function appear(
  target: string,
  { replace, mode }: { readonly replace: boolean; readonly mode?: number | undefined },
  make: (part: string) => Promise<void>,
): Promise<boolean> {
  await makeFolders(path.dirname(target));
  const part = besideOf(target);
  try {
    const before = replace ? await statFile(target) : undefined;
    // Other users must not read what replaces a file that they may not read.
    if (before !== undefined) await writeFile(part, '', { mode: 0o600, flag: 'wx' });
    await make(part);
    if (before !== undefined) await becomeLike(part, before);
    if (mode !== undefined) await chmod(part, mode);
    await sync(part);
    if (!replace && !(await linkNew(part, target))) return false;
    if (replace) await rename(part, target);
    await syncFolderOf(target);
    return true;
  } finally {
    await rm(part, { force: true });
  }
}

/** Mode and owner of the file that is replaced; where the group cannot be kept, it may nothing. */
export async function becomeLike(file: string, { mode, uid, gid }: Stats): Promise<void> {
  const now = await stat(file);
  let kept = now.uid === uid && now.gid === gid;
  if (!kept) {
    kept = await chown(file, uid, gid).then(
      () => true,
      async () =>
        await chown(file, now.uid, gid).then(
          () => true,
          () => false,
        ),
    );
  }
  await chmod(file, mode & (kept ? 0o777 : 0o707));
}

/**
 * Makes a folder and those above it, one by one. Node's own `recursive` does not come back where the
 * file system makes no folders, as in /proc: it tries again without end.
 */
export async function makeFolders(folder: string, mode?: number): Promise<void> {
  const above = path.dirname(folder);
  const refused = await refusalOf(folder, mode);
  if (refused === undefined) return;
  if (codeOf(refused) !== 'ENOENT' || above === folder) throw refused;
  await makeFolders(above, mode);
  const last = await refusalOf(folder, mode);
  if (last === undefined) return;
  if (codeOf(last) !== 'ENOENT') throw last;
  const message = `${folder}: its file system makes no folders`;
  throw new ActionFailure({ class: 'rejected', code: 'file.system', message }, { cause: last });
}

/** Why the folder is not there and cannot be made. */
async function refusalOf(folder: string, mode: number | undefined): Promise<unknown> {
  try {
    await mkdir(folder, { mode });
    return undefined;
  } catch (error) {
    // ignored: the refusal to make the folder says more, and is returned.
    const facts = await stat(folder).catch(() => undefined);
    return facts?.isDirectory() === true ? undefined : error;
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

/** Makes names durable. */
export async function syncFolderOf(file: string): Promise<void> {
  // ignored: some network file systems cannot sync a folder, and keep names safe in their own way.
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
  const writing = createWriteStream(part, { mode: facts.mode & 0o777 });
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

export const TRANSIENT = [
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

const WORDS: Readonly<Record<string, string>> = {
  ELOOP: 'the links on the way lead in a circle',
  ENOTDIR: 'a file stands where a folder is needed',
  EEXIST: 'a file stands where a folder is needed',
  EISDIR: 'a folder stands where a file is needed',
  ENAMETOOLONG: 'the name is longer than the file system allows',
  EROFS: 'the file system can only be read',
  ENOSPC: 'the file system is full',
  EDQUOT: 'the quota is used up',
};

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
  const words = WORDS[native.error] ?? 'the file system refused';
  return fail(kind, 'file.system', `${file}: ${words} (${native.error})`);
}
