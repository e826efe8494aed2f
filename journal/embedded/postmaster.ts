/**
 * The server process: seeing one that runs, starting one.
 *
 * The pid in `postmaster.pid` is believed only when the program that runs there is a postgres
 * with our `-D`: after a restart of a container it may be anything, our own node included. The
 * server reports its state in line 8 of that file, so no log is parsed.
 *
 * A server of another container that shares the folder has a pid that is not in sight here. So
 * every server holds a lock (`pipe-lock.ts`) by its standard input, which its backends inherit:
 * while it is held no server is started, and the pid file is left alone.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { basename, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { PipeLock } from './pipe-lock.ts';
import { PORT, socketFolder, type ClusterPaths } from './cluster-paths.ts';

export interface FoundPostmaster {
  readonly pid: number;
  readonly port: number;
  readonly sockets: string;
  /** starting, ready, stopping (standby does not occur). */
  readonly status: string;
  /** It runs where we see no process of it: in another container that shares the folder. */
  readonly elsewhere: boolean;
}

const SETTINGS = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '100',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  logging_collector: 'off',
};
const LOG_BYTES_MAX = 10_000_000;

/** Ours without what would steer PostgreSQL behind our back. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', LC_MESSAGES: 'C' };
}

function pidFile(paths: ClusterPaths): string {
  return join(paths.cluster, 'postmaster.pid');
}

function readPidFile(paths: ClusterPaths): FoundPostmaster | null {
  try {
    const lines = readFileSync(pidFile(paths), 'utf8').split('\n');
    return {
      pid: Number(lines[0]),
      port: Number(lines[3] ?? PORT),
      sockets: lines[4]?.trim() || paths.cluster,
      status: lines[7]?.trim() || 'starting',
      elsewhere: false,
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return null;
  }
}

export function isServerProcess(pid: number, cluster: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (existsSync('/proc/self/cmdline')) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return basename(args[0] ?? '') === 'postgres' && args[args.indexOf('-D') + 1] === cluster;
    } catch {
      // ignored: there is no such process any more.
      return false;
    }
  }
  try {
    const command = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return command.includes('postgres') && command.includes(`-D ${cluster} `);
  } catch {
    // ignored: `ps` fails when there is no such process.
    return false;
  }
}

/** The server on this cluster, when one runs. */
export function findServer(paths: ClusterPaths): FoundPostmaster | null {
  const seen = readPidFile(paths);
  if (seen === null || isServerProcess(seen.pid, paths.cluster)) return seen;
  return lockOf(paths).isHeld() ? { ...seen, elsewhere: true } : null;
}

/** A server without its socket can no longer be reached. */
export function hasSocket({ sockets, port }: FoundPostmaster): boolean {
  return existsSync(join(sockets, `.s.PGSQL.${port}`));
}

/**
 * How a server is ended: asked first (transactions are broken off), then without its clean-up, then
 * by force. What is committed is kept by each of them. A server that is asked while it recovers
 * from a killed backend may never end by itself.
 */
const ENDINGS = ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const;
const PATIENCE_MS = 5_000;
const POLL_MS = 20;

/** Resolves when the server has ended. `from`: it has been asked already, and did not end. */
export async function endServer(
  { pid }: FoundPostmaster,
  paths: ClusterPaths,
  from: (typeof ENDINGS)[number] = 'SIGINT',
): Promise<void> {
  for (const signal of ENDINGS.slice(ENDINGS.indexOf(from))) {
    if (!isServerProcess(pid, paths.cluster)) return;
    process.kill(pid, signal);
    const giveUpAt = Date.now() + PATIENCE_MS;
    while (isServerProcess(pid, paths.cluster) && Date.now() < giveUpAt) await delay(POLL_MS);
  }
}

function lockOf(paths: ClusterPaths): PipeLock {
  return new PipeLock(paths.base, 'server.lock');
}

/**
 * PostgreSQL refuses to start while the pid in its file is alive, whatever runs there now.
 * Taken away by renaming and read again: a server that started in between gets its file back.
 */
function clearStalePid(paths: ClusterPaths): void {
  const file = pidFile(paths);
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    // ignored: there is no stale file, or PostgreSQL says why it cannot replace it.
    return;
  }
  const pid = Number(readFileSync(aside, 'utf8').split('\n')[0]);
  if (isServerProcess(pid, paths.cluster)) renameSync(aside, file);
  else rmSync(aside, { force: true });
}

/** Null while another server holds the cluster, wherever it runs. */
export function startServer(paths: ClusterPaths, binaries: Binaries): ChildProcess | null {
  const held = lockOf(paths).take(paths.identity);
  if (held === null) return null;
  try {
    clearStalePid(paths);
    return launch(paths, binaries, held.descriptor);
  } finally {
    closeSync(held.descriptor);
  }
}

function launch(paths: ClusterPaths, binaries: Binaries, lock: number): ChildProcess {
  if ((statSync(paths.log, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES_MAX) {
    renameSync(paths.log, `${paths.log}.old`);
  }
  const log = openSync(paths.log, 'a', 0o600);
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const sockets = socketFolder(paths);
  // -D first: the watchdog looks for it, followed by a space.
  const args = ['-D', paths.cluster, '-k', sockets, '-p', String(PORT), ...settings];
  const server = spawn(join(binaries.folder, 'postgres'), args, {
    ...paths.identity,
    // An unreadable working directory would stop it.
    cwd: paths.cluster,
    detached: true,
    env: serverEnvironment(),
    stdio: [lock, log, log],
  });
  closeSync(log);
  server.unref();
  return server;
}

/** The server's last words, for an error. */
export function lastLogLines(paths: ClusterPaths): string {
  try {
    return readFileSync(paths.log, 'utf8').trimEnd().split('\n').slice(-4).join(' | ');
  } catch {
    // ignored: this is part of an error already.
    return 'it left no log';
  }
}
