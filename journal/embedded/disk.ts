/**
 * The disk, as far as Node leaves something to be done: folders that are made one by one, and refusals
 * that say which file they are about.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it. Node's own `recursive` does not come back where the file system
 * makes no folders and says that the path is not there, as /proc does: it tries again without end. What
 * the system refuses names the first folder that could not be made.
 */
export function makeFolders(path: string, mode?: number): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolders(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(path)) throw error;
  }
}

/** What is refused of an open file (the disk is full, it is a folder) has no path by itself. */
export function writeFile(
  path: string,
  text: string,
  options: { mode?: number; flag?: string },
): void {
  named(path, () => writeFileSync(path, text, options));
}

export function readFile(path: string): string {
  return named(path, () => readFileSync(path, 'utf8'));
}

function named<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) Object.assign(error, { path });
    throw error;
  }
}
