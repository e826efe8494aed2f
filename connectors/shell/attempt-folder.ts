/**
 * The attempt folder: everything that is known of a job, where any process of this machine can
 * find it again by the attempt's key.
 *
 *   out, err    what the job wrote
 *   output      what it wrote to $TUTTI_OUTPUT, if it did
 *   cancel      it was asked to stop
 *   state.0     the claim: written by the supervisor before the job, exclusively
 *                 start <boot> <pid and start time>
 *                 exit <code>                          when the job is over
 *               or `void`: somebody made sure that no supervisor can claim it any more
 *   state.1     the claim after a void one, and so on
 *
 * The claim is what makes a job run once. A node can die between making the folder and starting
 * the supervisor; whoever comes later either finds a claim, or voids it and then knows for
 * certain that nothing ran and nothing will. Voids stay, so a late supervisor can never claim.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { open, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { parsePs, parseStat } from './processes.ts';

export interface Started {
  readonly boot: string;
  readonly pid: number;
  readonly start: string;
}

export type AttemptState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'starting'; readonly claim: string; readonly voided: boolean }
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
 * These calls are synchronous on purpose: each is a few microseconds on a local disk, and the
 * thread pool would cost more than that, thousands of times a second.
 */
export function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (codeOf(error) === 'ENOENT') {
      mkdirSync(path.dirname(folder), { recursive: true, mode: 0o700 });
      return makeFolder(folder);
    }
    throw error;
  }
}

/** The state of a folder that was just made. */
export function fresh(folder: string): AttemptState & { kind: 'starting' } {
  return { kind: 'starting', claim: path.join(folder, 'state.0'), voided: false };
}

/** The folder itself goes beside us: while somebody flushes its parent, that takes milliseconds. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    for (const name of ['out', 'err', 'state.0']) unlinkSync(path.join(folder, name));
    await rmdir(folder);
  } catch {
    await rm(folder, { recursive: true, force: true });
  }
}

export function readState(folder: string): AttemptState {
  for (let generation = 0; ; generation += 1) {
    const claim = path.join(folder, `state.${generation}`);
    const text = readIfThere(claim);
    if (text === 'void\n') continue;
    if (text === undefined && ageMs(folder) === undefined) return { kind: 'absent' };
    const by = text === undefined ? undefined : parseStart(text);
    if (text === undefined || by === undefined) {
      return { kind: 'starting', claim, voided: generation > 0 };
    }
    const exit = /^exit (\d+)\n/m.exec(text);
    const atMs = statSync(claim, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (exit === null) return { kind: 'started', by, atMs };
    return { kind: 'ended', by, exitCode: Number(exit[1]), atMs };
  }
}

function parseStart(text: string): Started | undefined {
  const line = /^start (\S+) (.*)\n/.exec(text);
  const [, boot, rest] = line ?? [];
  if (boot === undefined || rest === undefined) return undefined;
  const facts = boot === '-' ? parsePs(rest) : parseStat(rest);
  return facts && { boot, pid: facts.pid, start: facts.start };
}

/** True: from now on no supervisor can claim it. False: one did, or somebody voided it before. */
export function voidClaim(claim: string): boolean {
  try {
    writeFileSync(claim, 'void\n', { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

export function ageMs(file: string): number | undefined {
  const facts = statSync(file, { throwIfNoEntry: false });
  return facts && Date.now() - facts.mtimeMs;
}

export function requestedCancelAtMs(folder: string): number | undefined {
  return statSync(path.join(folder, 'cancel'), { throwIfNoEntry: false })?.mtimeMs;
}

/** The first request counts. */
export function markCancel(folder: string): void {
  try {
    writeFileSync(path.join(folder, 'cancel'), '', { flag: 'wx' });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
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
