/**
 * Ends the server when its last user is gone, however it went.
 *
 * Every process that uses the server holds the writing end of a named pipe; a tiny shell waits
 * at the reading end. The kernel closes the ends of a process that dies, SIGKILL included, so the
 * shell reads the end of the pipe exactly when no user is left, and asks the server to shut down
 * cleanly. A second process that shares the server keeps it alive beyond the first one. The shell
 * kills only what the pid file names and what still is a postgres on our cluster.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { TuttiError } from '../../model/errors.ts';
import { makePipe } from './pipe-lock.ts';
import type { ClusterPaths } from './cluster-paths.ts';

const SCRIPT = `
read _ <"$1"
read pid <"$2/postmaster.pid" || exit 0
args=$(tr '\\0' ' ' <"/proc/$pid/cmdline" || ps -o command= -p "$pid")
case "$args" in *postgres*" -D $2 "*) kill -INT "$pid" ;; esac
`;
const WAIT_MS = 5_000;

function startWatchdog(paths: ClusterPaths): void {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'tutti-watchdog', paths.users, paths.cluster], {
    ...paths.identity,
    cwd: '/',
    // Its own session: Ctrl-C in a terminal must not reach it.
    detached: true,
    stdio: 'ignore',
  });
  // ignored: a shell that cannot start shows as a pipe that no process reads.
  shell.on('error', () => undefined);
  shell.unref();
}

/** Null when no watchdog reads the pipe. */
function enter(paths: ClusterPaths): number | null {
  try {
    return openSync(paths.users, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return null;
    throw error;
  }
}

/** Joins the users of the server; closing the descriptor leaves them. */
export async function joinUsers(paths: ClusterPaths): Promise<number> {
  makePipe(paths.users, paths.identity);
  const joined = enter(paths);
  if (joined !== null) return joined;
  startWatchdog(paths);
  const giveUpAt = Date.now() + WAIT_MS;
  for (;;) {
    const descriptor = enter(paths);
    if (descriptor !== null) return descriptor;
    if (Date.now() > giveUpAt) {
      throw new TuttiError('database.unavailable', 'The watchdog (/bin/sh) does not start.');
    }
    await delay(2);
  }
}

/** Leaves; a watchdog that was killed meanwhile is replaced first, or the server would stay. */
export async function leaveUsers(paths: ClusterPaths, descriptor: number): Promise<void> {
  // ignored: without a new watchdog the server does not stop, which `Server.stop` reports.
  const again = await joinUsers(paths).catch(() => null);
  if (again !== null) closeSync(again);
  closeSync(descriptor);
}
