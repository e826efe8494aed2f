/**
 * Starts a job so that it outlives us: a plain `sh` in a session of its own, with nothing open
 * that is ours, which waits for its claim (`launcher.ts` writes it), runs the command and records
 * its exit code.
 *
 * It forks once, for the command; everything else is built into the shell, for two processes per
 * job are the price of the whole connector. So the exit code is not renamed into place (`mv` is
 * a process): it is one short line, and only a whole line counts. It goes to the claim that was
 * opened before the job could put anything in its place; on a full disk it waits for space.
 *
 * The command is `exec`ed, so it is a program always and never what is built into a shell.
 *
 * The supervisor must outlive the signal that cancels the job, or no process would record the end:
 * it traps what the group is sent. A trap, unlike `ignore`, is not inherited by the command.
 */
import { watch } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readState } from './attempt-folder.ts';
import { launch } from './launcher.ts';

/** What begins with a dash would be an option of `exec`, and a dot is found as a folder. */
const SUPERVISOR = `
read -r TUTTI_GO || exit 0
unset TUTTI_GO
exec </dev/null 3>>"$0" || exit 0
trap : HUP INT QUIT TERM
case $1 in
-* | . | ..)
  echo "$1: not found" >&2
  set -- 127
  ;;
*)
  (exec "$@") 3>&-
  set -- "$?"
  ;;
esac
until printf '\\nexit %s\\n' "$1" >&3; do sleep 1 || exit; done 2>/dev/null
`;

interface Watch {
  /** The claim that our own supervisor is after; null when we only found the folder. */
  readonly claim: string | null;
  /** Ends when it is worth looking again. */
  readonly change: Promise<void>;
}

/** Jobs that this process watches, by folder. A hint only: losing it costs time. */
const watched = new Map<string, Watch>();

interface Start {
  readonly folder: string;
  readonly claim: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Resolves when the supervisor exists; rejects with the system's error when it could not. */
export async function startSupervisor(start: Start): Promise<void> {
  const { folder, claim, command, cwd, env } = start;
  const launched = launch({
    program: '/bin/sh',
    args: ['-c', SUPERVISOR, claim, ...command],
    cwd,
    env,
    out: path.join(folder, 'out'),
    err: path.join(folder, 'err'),
    claim,
  });
  // ignored: a launch that was refused is thrown below; here it only ends the wait.
  const change = launched.then(({ over }) => over).catch(() => undefined);
  void remember(folder, claim, change);
  await launched;
}

/** Whether a supervisor of this process is alive and after the claim, or has it. */
export function isPursued(folder: string, claim: string): boolean {
  return watched.get(folder)?.claim === claim;
}

/**
 * Resolves when the job's state may have changed. Our own supervisor tells by exiting; for one of
 * an earlier process the folder is watched. One watcher per job, however often this is asked.
 */
export async function stateChange(folder: string, signal: AbortSignal): Promise<void> {
  const known = watched.get(folder)?.change;
  await (known ?? remember(folder, null, watchFolder(folder, signal)));
}

function remember(folder: string, claim: string | null, change: Promise<void>): Promise<void> {
  const entry: Watch = {
    claim,
    change: change.finally(() => {
      if (watched.get(folder) === entry) watched.delete(folder);
    }),
  };
  watched.set(folder, entry);
  return entry.change;
}

/** A job that spoiled its claim or removed its folder may run on: its processes tell. */
async function isUnderWay(folder: string): Promise<boolean> {
  return (await readState(folder)).kind !== 'ended';
}

export async function watchFolder(folder: string, signal: AbortSignal): Promise<void> {
  const closing = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      const watcher = watch(folder, { persistent: false, signal: closing.signal });
      watcher.on('error', reject);
      // Log lines change the folder too, and far more often than the state does.
      watcher.on('change', (_event, name) => {
        if (name !== 'out' && name !== 'err') resolve();
      });
      signal.addEventListener('abort', () => resolve(), { once: true, signal: closing.signal });
      // It may have ended before the watcher was there.
      isUnderWay(folder).then((underWay) => underWay || resolve(), reject);
      if (signal.aborted) resolve();
    });
  } catch {
    // ignored: there is no watcher to be had (limits, file systems, no folder), and the caller's polling remains.
    await delay(1000, undefined, { ref: false });
  } finally {
    closing.abort();
  }
}
