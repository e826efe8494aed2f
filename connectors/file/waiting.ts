/**
 * Waits until files are there and have stopped changing: size and time of change the same for as
 * long as `stable` says. The folder is watched, and looked at every second too, for network
 * shares do not tell.
 */
import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ActionFailure } from '../kit/index.ts';
import { failureOf } from './content.ts';
import { baseOf, findFiles, isPattern } from './glob.ts';

export interface Wait {
  /** Absolute: a path, or a pattern. */
  readonly target: string;
  /** How many files at least. */
  readonly count: number;
  readonly stableMs: number;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
}

export interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly changedAt: string;
}

interface Sighting {
  readonly file: FoundFile;
  readonly mark: string;
  readonly sinceMs: number;
}

const LOOK_MS = 1000;

export async function waitForFiles(wait: Wait): Promise<readonly FoundFile[]> {
  const startMs = performance.now();
  let known: ReadonlyMap<string, Sighting> = new Map();
  for (;;) {
    const watcher = startWatcher(wait.target);
    try {
      const nowMs = performance.now();
      known = await look(wait.target, known, nowMs);
      const stable = [...known.values()].filter((s) => nowMs - s.sinceMs >= wait.stableMs);
      if (stable.length >= wait.count && stable.length === known.size) {
        return stable.map((sighting) => sighting.file);
      }
      const leftMs = (wait.timeoutMs ?? Infinity) - (nowMs - startMs);
      if (leftMs <= 0) throw timedOut(wait, known.size);
      await pause(wait, Math.min(LOOK_MS, leftMs, untilStable(known, wait, nowMs)), watcher.change);
    } finally {
      watcher.close();
    }
  }
}

function untilStable(known: ReadonlyMap<string, Sighting>, { stableMs }: Wait, nowMs: number) {
  const left = [...known.values()].map((s) => stableMs - (nowMs - s.sinceMs));
  const open = left.filter((ms) => ms > 0);
  return open.length === 0 ? LOOK_MS : Math.max(...open);
}

async function look(
  target: string,
  known: ReadonlyMap<string, Sighting>,
  nowMs: number,
): Promise<ReadonlyMap<string, Sighting>> {
  const paths = isPattern(target) ? await findFiles(target) : [target];
  const seen = new Map<string, Sighting>();
  for (const file of paths) {
    const facts = await stat(file, { bigint: true }).catch(() => undefined);
    if (facts === undefined || !facts.isFile()) continue;
    const mark = `${facts.ino} ${facts.size} ${facts.mtimeNs}`;
    const before = known.get(file);
    const sinceMs = before?.mark === mark ? before.sinceMs : nowMs;
    const changedAt = facts.mtime.toISOString();
    const found = { path: file, sizeBytes: Number(facts.size), changedAt };
    seen.set(file, { file: found, mark, sinceMs });
  }
  return seen;
}

/** Started before the look, so that nothing falls between the two. */
function startWatcher(target: string): { change: Promise<void>; close: () => void } {
  const folder = isPattern(target) ? baseOf(target) : path.dirname(target);
  try {
    const watcher = watch(folder);
    const change = new Promise<void>((resolve) => {
      watcher.once('change', () => resolve());
      watcher.on('error', () => {});
    });
    return { change, close: () => watcher.close() };
  } catch {
    // The folder is not there yet, or cannot be watched: the looks remain.
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

function timedOut({ target, count, timeoutMs }: Wait, found: number): ActionFailure {
  const need = count === 1 ? 'a file' : `${count} files`;
  const message = `waited ${timeoutMs} ms for ${need} at ${target}; ${found} there, or still changing`;
  return new ActionFailure({ class: 'timeout', code: 'file.timeout', message });
}
