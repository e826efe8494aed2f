/**
 * The attempt folder: everything that is known of a job, where any process of this machine can
 * find it again by the attempt's key.
 *
 *   out, err    what the job wrote
 *   output      what it wrote to $TUTTI_OUTPUT, if it did
 *   cancel      it was asked to stop; `force`: with force
 *   state.0     the claim: for the supervisor, before the job begins, exclusively
 *                 start <boot> <pid and start time>
 *                 exit <code>                          when the job is over
 *               or `void`: a caller made sure that no supervisor can claim it any more
 *   state.1     the claim after a void one, and so on
 *
 * A claim is written beside and linked into place: it is whole, or it is not there. What is neither
 * a whole claim nor void was spoiled, by the job (all of this is in its reach) or by a disk.
 *
 * The claim is what makes a job run once. A node can die between making the folder and starting
 * the supervisor; a later caller either finds a claim, or voids it and then knows for
 * certain that nothing ran and nothing will. Voids stay, so a late supervisor can never claim.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { link, lstat, open, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { NotPlain, readPlain } from './plain-file.ts';
import { parsePs, parseStat } from './processes.ts';

export interface Started {
  readonly boot: string;
  readonly pid: number;
  readonly start: string;
}

export type FolderState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'starting'; readonly claim: string; readonly voided: boolean }
  | { readonly kind: 'spoiled'; readonly claim: string; readonly what: string }
  | { readonly kind: 'started'; readonly by: Started; readonly atMs: number }
  | {
      readonly kind: 'ended';
      readonly by: Started;
      readonly exitCode: number;
      readonly atMs: number;
    };

/** Readable for people, unique by the hash, and safe on any file system. */
export function folderName(key: string): string {
  const readable = key.replaceAll(/[^A-Za-z0-9-]+/g, '.').slice(0, 60);
  return `${readable}.${createHash('sha256').update(key).digest('hex').slice(0, 24)}`;
}

export function folderOf(stateDirectory: string, name: string): string {
  return path.join(stateDirectory, 'shell', name);
}

/**
 * Before there is a job: a few microseconds that the thread pool would only make longer. Not by
 * `recursive`, which does not come back where the file system makes no folders, as in /proc.
 */
export function makeFolder(folder: string): boolean {
  const above = path.dirname(folder);
  try {
    return makeOne(folder);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || above === folder) throw error;
    makeFolder(above);
    return makeOne(folder);
  }
}

/** False: it is there. */
function makeOne(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The state of a folder that was just made. */
export function fresh(folder: string): FolderState & { kind: 'starting' } {
  return { kind: 'starting', claim: path.join(folder, 'state.0'), voided: false };
}

/** The folder itself goes beside us: while another flushes its parent, that takes milliseconds. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    for (const name of ['out', 'err', 'state.0']) await unlink(path.join(folder, name));
    await rmdir(folder);
  } catch {
    // ignored: what holds more than a plain attempt is removed with all that is in it.
    await rm(folder, { recursive: true, force: true });
  }
}

/** Longer than any claim, also of a process that gave itself a long name. */
const CLAIM_LIMIT_BYTES = 4096;

export async function readState(folder: string): Promise<FolderState> {
  for (let generation = 0; ; generation += 1) {
    const claim = path.join(folder, `state.${generation}`);
    const text = await readClaim(claim);
    if (text === 'void\n') continue;
    if (text === undefined) {
      // The claims of a folder that is being removed go before it does.
      if (!(await isFolder(folder))) return { kind: 'absent' };
      // Nothing is printed before the claim stands; so it stood, unless it came between two looks.
      const printed = await hasPrinted(folder);
      if (printed && (await readClaim(claim)) !== undefined) return await readState(folder);
      if (printed) return { kind: 'spoiled', claim, what: 'gone' };
      return { kind: 'starting', claim, voided: generation > 0 };
    }
    if (text instanceof NotPlain) return { kind: 'spoiled', claim, what: text.what };
    const by = parseStart(text);
    if (by === undefined) {
      return { kind: 'spoiled', claim, what: text === '' ? 'empty' : 'overwritten' };
    }
    const exit = /^exit (\d+)\n/m.exec(text);
    const atMs = await changedAtMs(claim);
    if (exit === null) return { kind: 'started', by, atMs };
    return { kind: 'ended', by, exitCode: Number(exit[1]), atMs };
  }
}

async function isFolder(folder: string): Promise<boolean> {
  // ignored: what cannot be looked at is no folder of an attempt.
  const facts = await lstat(folder).catch(() => undefined);
  return facts?.isDirectory() === true;
}

async function hasPrinted(folder: string): Promise<boolean> {
  for (const name of ['out', 'err', 'output']) {
    // ignored: what cannot be looked at has printed nothing.
    const facts = await lstat(path.join(folder, name)).catch(() => undefined);
    if (facts !== undefined && (name === 'output' || !facts.isFile() || facts.size > 0))
      return true;
  }
  return false;
}

async function readClaim(claim: string): Promise<string | undefined | NotPlain> {
  try {
    return (await readPlain(claim, CLAIM_LIMIT_BYTES))?.toString('utf8');
  } catch (error) {
    if (error instanceof NotPlain) return error;
    throw error;
  }
}

function parseStart(text: string): Started | undefined {
  const line = /^start (\S+) (.*)\n/.exec(text);
  const [, boot, rest] = line ?? [];
  if (boot === undefined || rest === undefined) return undefined;
  const facts = boot === '-' ? parsePs(rest) : parseStat(rest);
  return facts && { boot, pid: facts.pid, start: facts.start };
}

/** True: from now on no supervisor can claim it. False: one did, or it was voided before. */
export async function voidClaim(claim: string): Promise<boolean> {
  const draft = await draftVoid(claim);
  try {
    await link(draft, claim);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft);
  }
}

/** A claim that holds nothing, and whose writer is known to be gone. */
export async function voidEmptyClaim(claim: string): Promise<void> {
  await rename(await draftVoid(claim), claim);
}

/** Written beside, then put in place as a whole: on a full disk there is no half a word. */
async function draftVoid(claim: string): Promise<string> {
  const draft = `${claim}.${randomUUID()}`;
  await writeFile(draft, 'void\n', { flag: 'wx', mode: 0o600 });
  return draft;
}

export async function ageMs(file: string): Promise<number | undefined> {
  const atMs = await changedAtMs(file);
  return atMs === 0 ? undefined : Date.now() - atMs;
}

/** 0 when it is not there. */
async function changedAtMs(file: string): Promise<number> {
  try {
    return (await lstat(file)).mtimeMs;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return 0;
    throw error;
  }
}

export async function requestedCancelAtMs(folder: string): Promise<number | undefined> {
  return await markedAtMs(path.join(folder, 'cancel'));
}

export async function wasForced(folder: string): Promise<boolean> {
  return (await markedAtMs(path.join(folder, 'force'))) !== undefined;
}

/** Only a plain file is a mark of ours. */
async function markedAtMs(mark: string): Promise<number | undefined> {
  // ignored: a mark that is not there was not made.
  const facts = await lstat(mark).catch(() => undefined);
  return facts?.isFile() === true ? facts.mtimeMs : undefined;
}

/** The first request counts. */
export async function markCancel(folder: string, force: boolean): Promise<void> {
  for (const name of force ? ['cancel', 'force'] : ['cancel']) {
    const mark = path.join(folder, name);
    if ((await markedAtMs(mark)) !== undefined) continue;
    // What the job has put there is in the way.
    await rm(mark, { recursive: true, force: true });
    await writeFile(mark, '', { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

const syncing = new Map<string, { running: Promise<void>; next: Promise<void> | undefined }>();

/**
 * Makes new entries of a folder survive a power failure; else, after one, the key of a job that
 * ran would be absent and it would run again. Callers that come while a sync is under way share
 * the next one: that sync may have begun before their entry was there.
 */
export async function syncFolder(folder: string): Promise<void> {
  const turn = syncing.get(folder);
  if (turn !== undefined) {
    // ignored: the caller of the sync under way gets its failure.
    turn.next ??= turn.running.catch(() => {}).then(async () => await syncFolder(folder));
    await turn.next;
    return;
  }
  const running = syncNow(folder).finally(() => syncing.delete(folder));
  syncing.set(folder, { running, next: undefined });
  await running;
}

async function syncNow(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
