/**
 * Showing a page in the user's browser, where there is one. The address is a secret, and arguments of
 * a process are seen by everybody on the machine: the browser is given a file that leads there.
 */
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Environment } from './systems.ts';

/** The program that shows files; null where no person would see it. */
export function browserOf(environment: Environment, platform: NodeJS.Platform): string | null {
  if (platform === 'darwin') return environment['SSH_CONNECTION'] ? null : 'open';
  const display = environment['WAYLAND_DISPLAY'] || environment['DISPLAY'];
  return display ? 'xdg-open' : null;
}

/** Resolves false when no browser was started. */
export function showPage(program: string, url: string, folder: string): Promise<boolean> {
  const file = join(folder, 'open.html');
  rmSync(file, { force: true });
  const page = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${url}"><title>Tutti</title>`;
  writeFileSync(file, page, { mode: 0o600, flag: 'wx' });
  return new Promise((resolve) => {
    const child = spawn(program, [pathToFileURL(file).href], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
