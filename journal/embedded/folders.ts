/**
 * Makes a folder and those above it, one by one. Node's own `recursive` does not come back where the
 * file system makes no folders and says that the path is not there, as /proc does: it tries again
 * for ever.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** What the system refuses names the first folder that could not be made. */
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
