/**
 * Files by pattern: `*` and `?` within a name, `**` for any number of folders. Names that begin
 * with a dot are found only by a pattern that begins with one.
 */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/** The part before the first wildcard: the folder to watch. */
export function baseOf(pattern: string): string {
  const parts = pattern.split('/');
  const first = parts.findIndex(isPattern);
  return parts.slice(0, first === -1 ? -1 : first).join('/') || '/';
}

/** Absolute pattern, absolute paths, in order. Folders that cannot be read hold nothing. */
export async function findFiles(pattern: string): Promise<readonly string[]> {
  const base = baseOf(pattern);
  const rest = path.posix.relative(base, pattern).split('/');
  const found = new Set<string>();
  await descend(base, rest, found);
  return [...found].toSorted();
}

async function descend(
  folder: string,
  [part, ...rest]: readonly string[],
  found: Set<string>,
): Promise<void> {
  if (part === undefined) return;
  const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
  if (part === '**') await descend(folder, rest, found);
  for (const entry of entries) {
    const at = path.join(folder, entry.name);
    if (part === '**') {
      // Links to folders are not entered: they may lead in a circle.
      if (entry.isDirectory() && !entry.name.startsWith('.')) {
        await descend(at, [part, ...rest], found);
      }
      continue;
    }
    if (!matches(entry.name, part)) continue;
    if (rest.length === 0 && !entry.isDirectory()) found.add(at);
    if (rest.length > 0 && !entry.isFile()) await descend(at, rest, found);
  }
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
