/**
 * Files by pattern: `*` and `?` within a name, `**` for any number of folders. Names that begin
 * with a dot are found only by a pattern that begins with one.
 *
 * A walk can be long: it asks at each step whether it may continue, and reads folders in portions.
 */
import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import path from 'node:path';
import { ActionFailure } from '../kit/index.ts';

export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/** The part before the first wildcard: the folder to watch. */
export function baseOf(pattern: string): string {
  const parts = pattern.split('/');
  const first = parts.findIndex(isPattern);
  return parts.slice(0, first === -1 ? -1 : first).join('/') || '/';
}

interface Walk {
  /** Throws when it is time to stop. */
  readonly check: () => void;
  /** A folder could not be read: throws, or passes over it. */
  readonly closed: (folder: string, error: unknown) => void;
}

/** More than any output could name. */
const MOST_FOUND = 20_000;

/** Absolute pattern, absolute paths, in order. */
export async function findFiles(pattern: string, walk: Walk): Promise<readonly string[]> {
  const base = baseOf(pattern);
  const rest = path.posix.relative(base, pattern).split('/');
  const found = new Set<string>();
  await descend(base, rest, found, walk);
  return [...found].toSorted();
}

async function descend(
  folder: string,
  [part, ...rest]: readonly string[],
  found: Set<string>,
  walk: Walk,
): Promise<void> {
  walk.check();
  if (part === undefined) return;
  if (part === '**') await descend(folder, rest, found, walk);
  try {
    for await (const entry of await opendir(folder, { bufferSize: 512 })) {
      walk.check();
      await take(folder, entry, [part, ...rest], found, walk);
    }
  } catch (error) {
    if (error instanceof ActionFailure) throw error;
    walk.closed(folder, error);
  }
}

async function take(
  folder: string,
  entry: Dirent,
  parts: readonly string[],
  found: Set<string>,
  walk: Walk,
): Promise<void> {
  const [part = '', ...rest] = parts;
  const at = path.join(folder, entry.name);
  if (part === '**') {
    // Links to folders are not entered: they may lead in a circle.
    if (entry.isDirectory() && !entry.name.startsWith('.')) await descend(at, parts, found, walk);
    return;
  }
  if (!matches(entry.name, part)) return;
  if (rest.length > 0) {
    if (!entry.isFile()) await descend(at, rest, found, walk);
    return;
  }
  if (entry.isDirectory()) return;
  found.add(at);
  if (found.size <= MOST_FOUND) return;
  const message = `the pattern finds more than ${MOST_FOUND} files in and below ${folder}; narrow it down`;
  throw new ActionFailure({ class: 'rejected', code: 'file.too-many', message });
}

/** Without backtracking over more than the last `*`: linear in practice, and never exponential. */
export function matches(name: string, pattern: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  let at = 0;
  let star = -1;
  let retry = 0;
  for (let index = 0; index < name.length; ) {
    if (pattern[at] === '*') {
      star = at;
      at += 1;
      retry = index;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[index])) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      at = star + 1;
      retry += 1;
      index = retry;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
