/**
 * Ends the server when its last user is gone, however it went.
 *
 * Every process that uses the server holds the writing end of a named pipe; a tiny shell waits
 * at the reading end. The kernel closes the ends of a process that dies, SIGKILL included, so the
 * shell reads the end of the pipe exactly when nobody is left, and asks the server to shut down
 * cleanly. A second process that shares the server keeps it alive beyond the first one. The shell
 * kills only what the pid file names and what still is a postgres on our cluster.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { TuttiError } from '../../model/errors.ts';
import { makePipe } from './pipe-lock.ts';
import type { Place } from './place.ts';

const SCRIPT = `
read _ <"$1"
read pid <"$2/postmaster.pid" || exit 0
args=$(tr '\\0' ' ' <"/proc/$pid/cmdline" || ps -o command= -p "$pid")
case "$args" in *postgres*" -D $2 "*) kill -INT "$pid" ;; esac
`;
const WAIT_MS = 5_000;

function startWatchdog(place: Place): void {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'tutti-watchdog', place.users, place.cluster], {
    ...place.identity,
    cwd: '/',
    // Its own session: Ctrl-C in a terminal must not reach it.
    detached: true,
    stdio: 'ignore',
  });
  // A shell that cannot start shows as a pipe that nobody reads.
  shell.on('error', () => undefined);
  shell.unref();
}

/** Null when no watchdog reads the pipe. */
function enter(place: Place): number | null {
  try {
    return openSync(place.users, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return null;
    throw error;
  }
}

/** Joins the users of the server; closing the descriptor leaves them. */
export async function joinUsers(place: Place): Promise<number> {
  makePipe(place.users, place.identity);
  const joined = enter(place);
  if (joined !== null) return joined;
  startWatchdog(place);
  const giveUpAt = Date.now() + WAIT_MS;
  for (;;) {
    const descriptor = enter(place);
    if (descriptor !== null) return descriptor;
    if (Date.now() > giveUpAt) {
      throw new TuttiError('database.unavailable', 'The watchdog (/bin/sh) does not start.');
    }
    await delay(2);
  }
}

/** Leaves; a watchdog that was killed meanwhile is replaced first, or the server would stay. */
export async function leaveUsers(place: Place, descriptor: number): Promise<void> {
  const again = await joinUsers(place).catch(() => null);
  if (again !== null) closeSync(again);
  closeSync(descriptor);
}
