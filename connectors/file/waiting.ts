/**
 * Waits until files are there and have stopped changing: size and time of change the same for as
 * long as `stable` says. The folder is watched, and looked at every second too, for network
 * shares do not tell.
 *
 * Only what can still come is waited for. That nothing is there yet is one error of the file
 * system among many: a closed folder, a circle of links or a file in the place of a folder end the
 * wait at once. Folders that a wildcard finds are many: those that are closed are passed over, and
 * named when the time is over.
 */
import { type BigIntStats, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ActionFailure } from '../kit/index.ts';
import { codeOf, failureOf, notAFile, TRANSIENT } from './content.ts';
import { baseOf, findFiles, isPattern } from './glob.ts';

interface Wait {
  /** Absolute: a path, or a pattern. */
  readonly target: string;
  /** How many files at least. */
  readonly count: number;
  readonly stableMs: number;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
}

interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly changedAt: string;
}

interface Sighting {
  readonly file: FoundFile;
  readonly mark: string;
  readonly sinceMs: number;
}

/** Of a few; of very many each is looked at less often, so that waiting costs next to nothing. */
const LOOK_MS = 1000;
const LOOK_EACH_MS = 1;
let waits = 0;

function lookMs(): number {
  return Math.max(LOOK_MS, waits * LOOK_EACH_MS);
}

export async function waitForFiles(wait: Wait): Promise<readonly FoundFile[]> {
  waits += 1;
  try {
    return await waitUntilThere(wait);
  } finally {
    waits -= 1;
  }
}

async function waitUntilThere(wait: Wait): Promise<readonly FoundFile[]> {
  const startMs = performance.now();
  let known: ReadonlyMap<string, Sighting> = new Map();
  const deadline = startMs + (wait.timeoutMs ?? Infinity);
  const closed = new Set<string>();
  for (;;) {
    const watcher = startWatcher(wait.target);
    try {
      const nowMs = performance.now();
      const check = () => {
        if (wait.signal.aborted) throw failureOf(ABORTED, wait.target);
        if (performance.now() > deadline) throw timedOut(wait, known.size, closed);
      };
      known = await look(wait.target, { known, nowMs, check, closed });
      const stable = [...known.values()].filter((s) => nowMs - s.sinceMs >= wait.stableMs);
      if (stable.length >= wait.count && stable.length === known.size) {
        return stable.map((sighting) => sighting.file);
      }
      const leftMs = deadline - nowMs;
      if (leftMs <= 0) throw timedOut(wait, known.size, closed);
      await pause(
        wait,
        Math.min(lookMs(), leftMs, untilStable(known, wait, nowMs)),
        watcher.change,
      );
    } finally {
      watcher.close();
    }
  }
}

function untilStable(known: ReadonlyMap<string, Sighting>, { stableMs }: Wait, nowMs: number) {
  const left = [...known.values()].map((s) => stableMs - (nowMs - s.sinceMs));
  const open = left.filter((ms) => ms > 0);
  return open.length === 0 ? lookMs() : Math.max(...open);
}

interface Look {
  readonly known: ReadonlyMap<string, Sighting>;
  readonly nowMs: number;
  readonly check: () => void;
  readonly closed: Set<string>;
}

async function look(target: string, at: Look): Promise<ReadonlyMap<string, Sighting>> {
  const paths = isPattern(target) ? await find(target, at) : [target];
  const seen = new Map<string, Sighting>();
  for (const file of paths) {
    at.check();
    const facts = await factsOf(file, !isPattern(target));
    if (facts === undefined) continue;
    const mark = `${facts.ino} ${facts.size} ${facts.mtimeNs}`;
    const before = at.known.get(file);
    const sinceMs = before?.mark === mark ? before.sinceMs : at.nowMs;
    const changedAt = timeOf(facts.mtimeMs);
    const found = { path: file, sizeBytes: Number(facts.size), changedAt };
    seen.set(file, { file: found, mark, sinceMs });
  }
  return seen;
}

async function find(pattern: string, { check, closed }: Look): Promise<readonly string[]> {
  const base = baseOf(pattern);
  return await findFiles(pattern, {
    check,
    closed: (folder, error) => {
      if (canCome(error)) return;
      if (folder === base) throw failureOf(error, folder);
      // Matched by a wildcard, which finds files beside folders.
      if (codeOf(error) !== 'ENOTDIR' && closed.size < MOST_NAMED) closed.add(folder);
    },
  });
}

const MOST_NAMED = 3;
const ABORTED = Object.assign(new Error('aborted'), { code: 'ABORT_ERR' });

/** Not there yet, or the place itself is away for now. */
function canCome(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return code === 'ENOENT' || TRANSIENT.includes(code);
}

/** Undefined when it may still become a file. `isNamed`: by itself, not by a pattern. */
async function factsOf(file: string, isNamed: boolean): Promise<BigIntStats | undefined> {
  const facts = await stat(file, { bigint: true }).catch((error: unknown) => {
    // A link that leads nowhere is one file among those that a pattern finds.
    if (canCome(error) || (!isNamed && codeOf(error) === 'ELOOP')) return undefined;
    throw failureOf(error, file);
  });
  if (facts === undefined || facts.isFile()) return facts;
  if (isNamed) throw notAFile(file);
  return undefined;
}

/** A file may bear a time that no calendar has. */
function timeOf(atMs: bigint): string {
  const time = new Date(Number(atMs));
  return Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString();
}

/** Started before the look, so that nothing falls between the two. */
function startWatcher(target: string): { change: Promise<void>; close: () => void } {
  const folder = isPattern(target) ? baseOf(target) : path.dirname(target);
  try {
    const watcher = watch(folder);
    const change = new Promise<void>((resolve) => {
      watcher.once('change', () => resolve());
      // ignored: a watcher that fails reports no change, and the looks remain.
      watcher.on('error', () => {});
    });
    return { change, close: () => watcher.close() };
  } catch {
    // ignored: the folder is not there yet, or cannot be watched, and the looks remain.
    return { change: new Promise(() => {}), close: () => {} };
  }
}

async function pause(wait: Wait, ms: number, change: Promise<void>): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([wait.signal, over.signal]);
  try {
    await Promise.race([delay(ms, undefined, { signal }), change]);
    // A burst of changes is one look, not hundreds.
    await delay(5, undefined, { signal });
  } catch (error) {
    throw failureOf(error, wait.target);
  } finally {
    over.abort();
  }
}

function timedOut(
  { target, count, timeoutMs }: Wait,
  found: number,
  closed: ReadonlySet<string>,
): ActionFailure {
  const need = count === 1 ? 'a file' : `${count} files`;
  const unseen = closed.size === 0 ? '' : `; could not look into ${[...closed].join(', ')}`;
  const message = `waited ${timeoutMs} ms for ${need} at ${target}; ${found} there, or still changing${unseen}`;
  return new ActionFailure({ class: 'timeout', code: 'file.timeout', message });
}
