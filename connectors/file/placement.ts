/**
 * Copy, move and write: a file comes to a place. All three may be repeated with one key: what is
 * already as it should be is left alone, and the output says so.
 *
 * A move leaves a note of what it is about to do. When it is repeated after a crash and the
 * source is gone, the note tells whether the target is what was moved, or something else.
 */
import { createHash } from 'node:crypto';
import { lstat, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { readJson } from '../../model/json-text.ts';
import { type ActionContext, ActionFailure } from '../kit/index.ts';
import {
  appear,
  becomeLike,
  behindLinks,
  codeOf,
  type Content,
  copyVerified,
  failureOf,
  linkNew,
  makeFolders,
  readContent,
  sameContent,
  statFile,
  syncFolderOf,
} from './content.ts';

export const OVERWRITES = ['fail', 'replace', 'skip'] as const;
type Overwrite = (typeof OVERWRITES)[number];

export interface Placed extends Content {
  readonly path: string;
  /** `already`: it was as it should be. `skipped`: another file is there and stays. */
  readonly result: 'done' | 'already' | 'skipped';
}

interface Way {
  readonly from: string;
  readonly to: string;
  readonly overwrite: Overwrite;
}

export async function copy(context: ActionContext, given: Way): Promise<Placed> {
  const { signal } = context;
  const way = { ...given, to: await behindLinks(given.to) };
  const facts = await statFile(way.from);
  if (facts === undefined) throw missing(way.from);
  const source = await readContent(way.from, 'sha256', signal);
  const there = await findPlaced(way, source, signal);
  if (there !== undefined) return there;
  try {
    let content = source;
    const replace = way.overwrite === 'replace';
    const placed = await appear(way.to, { replace }, async (part) => {
      content = await copyVerified(way.from, part, facts, signal);
    });
    if (placed) return { ...content, path: way.to, result: 'done' };
  } catch (error) {
    throw failureOf(error, way.to);
  }
  return await taken(way, source, signal);
}

/** What is to be said of a target that is there; undefined when the work is to be done. */
async function findPlaced(
  way: Way,
  wanted: Content,
  signal: AbortSignal,
): Promise<Placed | undefined> {
  const facts = await statFile(way.to);
  if (facts === undefined) return undefined;
  const there = await readContent(way.to, 'sha256', signal);
  if (sameContent(there, wanted)) return { ...there, path: way.to, result: 'already' };
  switch (way.overwrite) {
    case 'replace':
      return undefined;
    case 'skip':
      return { ...there, path: way.to, result: 'skipped' };
    case 'fail':
      throw new ActionFailure({
        class: 'rejected',
        code: 'file.exists',
        message: `${way.to} is there with other content; declare \`overwrite: replace\` or \`skip\`, or choose another name`,
      });
  }
}

/** Another program put a file there between our check and our link. */
async function taken(way: Way, wanted: Content, signal: AbortSignal): Promise<Placed> {
  const there = await findPlaced(way, wanted, signal);
  if (there !== undefined) return there;
  const message = `${way.to} came and went while the file was put there`;
  throw new ActionFailure({ class: 'transient', code: 'file.changing', message });
}

const noteSchema = z.strictObject({ to: z.string(), sizeBytes: z.number(), checksum: z.string() });

export async function move(context: ActionContext, given: Way): Promise<Placed> {
  const way = { ...given, to: await behindLinks(given.to) };
  const note = noteOf(context);
  if ((await statFile(way.from)) === undefined) return await movedBefore(context, way, note);
  const behind = await behindLinks(way.from);
  if (behind !== way.from) {
    const message = `${way.from} is a link; move the file behind it (${behind}), or copy it`;
    throw new ActionFailure({ class: 'rejected', code: 'file.not-a-file', message });
  }
  const source = await readContent(way.from, 'sha256', context.signal);
  await writeNote(note, { to: way.to, ...source });
  const there = await findPlaced(way, source, context.signal);
  if (there?.result === 'skipped') return there;
  if (there !== undefined) {
    await removeSource(way);
    return there;
  }
  if (await renamed(way)) return { ...source, path: way.to, result: 'done' };
  const copied = await copy(context, way);
  if (copied.result !== 'skipped') await removeSource(way);
  return copied;
}

/** Within one file system. False: it is another one, or the name is taken; then it is copied. */
async function renamed({ from, to, overwrite }: Way): Promise<boolean> {
  try {
    await makeFolders(path.dirname(to));
    if (overwrite === 'replace') {
      const before = await statFile(to);
      if (before !== undefined) await becomeLike(from, before);
      await rename(from, to);
    } else {
      if (!(await linkNew(from, to))) return false;
      await rm(from);
    }
    await syncFolderOf(to);
    return true;
  } catch (error) {
    // Some file systems have no links, or not for this file.
    if (['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes(codeOf(error) ?? '')) return false;
    throw failureOf(error, to);
  }
}

/**
 * The target has the content: the source may go. Not when both names lead to one entry, through a
 * linked folder or a file system that ignores case: then it is the target itself.
 */
async function removeSource({ from, to }: Way): Promise<void> {
  try {
    const [one, other] = [await lstat(from), await lstat(to)];
    const sameFile = one.ino === other.ino && one.dev === other.dev;
    if (sameFile && (one.nlink === 1 || (await realpath(from)) === (await realpath(to)))) return;
    await rm(from);
  } catch (error) {
    throw failureOf(error, from);
  }
}

async function movedBefore(context: ActionContext, way: Way, note: string): Promise<Placed> {
  // ignored: without a note that can be read the file counts as missing, which is said below.
  const text = await readFile(note, 'utf8').catch(() => '');
  const before = noteSchema.safeParse(readJson(text).value).data;
  if (before?.to !== way.to || (await statFile(way.to)) === undefined) throw missing(way.from);
  const there = await readContent(way.to, 'sha256', context.signal);
  if (!sameContent(there, before)) throw missing(way.from);
  return { ...there, path: way.to, result: 'already' };
}

function noteOf({ stateDirectory, key }: ActionContext): string {
  const name = createHash('sha256').update(key).digest('hex').slice(0, 32);
  return path.join(stateDirectory, 'file', `${name}.json`);
}

async function writeNote(note: string, content: z.output<typeof noteSchema>): Promise<void> {
  await makeFolders(path.dirname(note), 0o700);
  const text = JSON.stringify(content);
  await appear(note, { replace: true }, async (part) => await writeFile(part, text));
}

interface Writing {
  readonly to: string;
  readonly text: string;
  readonly mode: number | undefined;
  readonly overwrite: Overwrite;
}

export async function write({ signal }: ActionContext, writing: Writing): Promise<Placed> {
  const { text, mode, overwrite } = writing;
  const to = await behindLinks(writing.to);
  const content = contentOf(text);
  const way = { from: to, to, overwrite };
  const there = await findPlaced(way, content, signal);
  if (there !== undefined && (there.result === 'skipped' || (await hasMode(to, mode)))) {
    return there;
  }
  try {
    // A target of the right content and the wrong mode may be replaced by itself.
    const replace = overwrite === 'replace' || there !== undefined;
    const placed = await appear(to, { replace, mode }, async (part) => {
      // Never more open than it will be.
      await writeFile(part, text, mode === undefined ? {} : { mode: mode & 0o600 });
    });
    if (placed) return { ...content, path: to, result: 'done' };
  } catch (error) {
    throw failureOf(error, to);
  }
  return await taken(way, content, signal);
}

async function hasMode(file: string, mode: number | undefined): Promise<boolean> {
  return mode === undefined || ((await stat(file)).mode & 0o777) === mode;
}

function contentOf(text: string): Content {
  const checksum = createHash('sha256').update(text).digest('hex');
  return { sizeBytes: Buffer.byteLength(text), checksum };
}

export function missing(file: string): ActionFailure {
  const message = `${file} is not there; if it may come later, wait for it with file.wait`;
  return new ActionFailure({ class: 'rejected', code: 'file.missing', message });
}
