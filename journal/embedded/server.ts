/**
 * The embedded PostgreSQL: started, adopted, restarted and ended by us.
 *
 * `ensureRunning` is the whole life cycle: look who runs on the cluster; adopt a server that
 * answers a real query; wait for one that starts or stops; start one where there is none. It is
 * the same on the first start, after a SIGKILL of the postmaster, and for a second process on
 * the same folder, which shares the server. Callers that lose a connection call it and connect
 * again. The server ends with its last user (`watchdog.ts`).
 */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { type Log, SILENT } from '../../model/log.ts';
import { APPLICATION, ServerAccess } from './access.ts';
import { defaultCandidates, findBinaries, type Candidate } from './binaries.ts';
import { clusterMajor, createCluster, removeLeftovers, SUPERUSER } from './cluster.ts';
import { runsAsNobody } from './identity.ts';
import { findClusterPaths, type ClusterPaths } from './cluster-paths.ts';
import {
  endServer,
  hasSocket,
  isServerProcess,
  lastLogLines,
  findServer,
  startServer,
  type FoundPostmaster,
} from './postmaster.ts';
import { lockSystems, makeDatabase, prepareSystem, shut } from './roles.ts';
import { joinUsers, leaveUsers } from './watchdog.ts';

export interface EmbeddedServer {
  /** For the database `tutti`. */
  readonly connection: pg.ClientConfig;
  /** Where cluster and log are. */
  readonly folder: string;
  /** Resolves when the server answers; starts it when it does not run. */
  ensureRunning(): Promise<void>;
  /** Ends the server unless other processes use it. */
  stop(): Promise<void>;
  /** Makes the database of Tutti's own if it is missing, and says how to connect to it. */
  createDatabase(name: string): Promise<pg.ClientConfig>;
  /** Makes a system's database, and a role that can do nothing but use it. */
  createSystem(name: string): Promise<pg.ClientConfig>;
  /** What the operator should know; null when all is well. */
  readonly warning: string | null;
}

export interface EmbeddedOptions {
  /** Where to look for PostgreSQL; by default the npm package, then the machine. */
  readonly candidates?: Iterable<Candidate>;
  /** Told what the server does by itself. */
  readonly log?: Log;
}

const POLL_MS = 5;
/** Backends of a killed postmaster hold its shared memory for a moment. */
const START_AGAIN_MS = 15_000;
/** Crash recovery of a large cluster takes its time. */
const READY_LIMIT_MS = 600_000;
const STOP_LIMIT_MS = 30_000;

export async function openEmbedded(
  dataDirectory: string,
  options: EmbeddedOptions = {},
): Promise<EmbeddedServer> {
  if (process.platform === 'win32') {
    throw new TuttiError(
      'database.unavailable',
      'The embedded PostgreSQL does not run on Windows yet: give --database URL.',
    );
  }
  const paths = findClusterPaths(dataDirectory);
  removeLeftovers(paths);
  const binaries = findBinaries(
    paths,
    clusterMajor(paths),
    options.candidates ?? defaultCandidates(),
  );
  if (clusterMajor(paths) === null) await createCluster(paths, binaries);
  const server = new Server(paths, () => startServer(paths, binaries), options.log);
  try {
    await server.ensureRunning();
    await server.prepare();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class Server implements EmbeddedServer {
  readonly folder: string;
  readonly #paths: ClusterPaths;
  readonly #start: () => ChildProcess | null;
  readonly #log: Log;
  readonly #access: ServerAccess;
  #users: number | null = null;
  #starting: Promise<void> | null = null;
  #stopped = false;
  /** Process ids of the server that answered last, and of the one that this process started. */
  #answered: number | null = null;
  #started: number | null = null;

  constructor(paths: ClusterPaths, start: () => ChildProcess | null, log: Log = SILENT) {
    this.#paths = paths;
    this.#start = start;
    this.#log = log;
    this.#access = new ServerAccess(paths);
    this.folder = paths.base;
  }

  get warning(): string | null {
    if (!runsAsNobody(this.#paths.identity)) return null;
    return 'PostgreSQL runs as the user "nobody", and so may other programs: whoever is that user can change its files. Make a user "postgres", or start Tutti as a user of its own.';
  }

  get connection(): pg.ClientConfig {
    return this.#access.connection('tutti');
  }

  ensureRunning(): Promise<void> {
    this.#starting ??= this.#run().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #run(): Promise<void> {
    // Joining after the end would keep the server up without a user.
    if (this.#stopped) throw new TuttiError('node.stopping');
    this.#users ??= await joinUsers(this.#paths);
    const giveUpAt = Date.now() + READY_LIMIT_MS;
    let failingSince: number | null = null;
    let stoppingSince: number | null = null;
    while (!this.#stopped) {
      const seen = findServer(this.#paths);
      if (seen?.status !== 'stopping' || seen.elsewhere) stoppingSince = null;
      else stoppingSince ??= Date.now();
      if (seen === null) {
        if (await this.#launched()) failingSince = null;
        else failingSince ??= Date.now();
      } else if (seen.status === 'ready' && (await this.#access.answers(seen))) {
        this.#tell(seen);
        return;
      } else {
        const lost = seen.status === 'ready' && !hasSocket(seen);
        if (lost && seen.elsewhere) failingSince ??= Date.now();
        else if (lost) await this.#endWithoutSocket(seen);
        else if (stoppingSince !== null && Date.now() - stoppingSince > STOP_LIMIT_MS)
          await this.#endStopping(seen);
        await delay(POLL_MS);
      }
      const failing = failingSince !== null && Date.now() - failingSince > START_AGAIN_MS;
      if (failing || Date.now() > giveUpAt) {
        throw notStarted(this.#paths);
      }
    }
    throw new TuttiError('node.stopping');
  }

  /** Once for each server that answers. */
  #tell({ pid }: FoundPostmaster): void {
    if (pid === this.#answered) return;
    const what = this.#answered === null ? 'started' : 'started again, and recovered';
    this.#answered = pid;
    if (pid === this.#started) {
      this.#log.info({ pid, folder: this.folder }, `The embedded PostgreSQL is ${what}.`);
    } else {
      const sentence = 'The embedded PostgreSQL runs already, and is shared with another process.';
      this.#log.info({ pid, folder: this.folder }, sentence);
    }
  }

  /** A server without its socket can never be reached again: it is started again. */
  async #endWithoutSocket(seen: FoundPostmaster): Promise<void> {
    this.#log.warn(
      { pid: seen.pid },
      `The embedded PostgreSQL lost its socket in ${seen.sockets}, because it was removed. Tutti restarts the server.`,
    );
    await endServer(seen, this.#paths);
  }

  /** A server that was asked to end and does not would keep its users waiting without end. */
  async #endStopping(seen: FoundPostmaster): Promise<void> {
    this.#log.warn(
      { pid: seen.pid },
      `The embedded PostgreSQL (process ${seen.pid}) was asked to end ${STOP_LIMIT_MS / 1_000} s ago and did not: Tutti ends it and starts it again.`,
    );
    await endServer(seen, this.#paths, 'SIGQUIT');
  }

  /** False when the process ended before it wrote its pid file. */
  async #launched(): Promise<boolean> {
    const server = this.#start();
    if (server === null) {
      // Backends of one that died, or one in another container that has not told where it is.
      await delay(10 * POLL_MS);
      return false;
    }
    const ended = new AbortController();
    server.once('exit', () => ended.abort());
    server.once('error', () => ended.abort());
    while (!ended.signal.aborted) {
      const seen = findServer(this.#paths);
      if (seen !== null && seen.pid === server.pid) this.#started = seen.pid;
      if (seen !== null && (seen.pid === server.pid || seen.status === 'ready')) return true;
      await delay(POLL_MS);
    }
    // Another process was faster, or it cannot start yet: the caller looks again.
    await delay(10 * POLL_MS);
    return findServer(this.#paths) !== null;
  }

  async createDatabase(name: string): Promise<pg.ClientConfig> {
    await makeDatabase(this.#access.ask, name, SUPERUSER);
    return this.#access.connection(name);
  }

  async createSystem(name: string): Promise<pg.ClientConfig> {
    const access = this.#access;
    const { connection, verifier } = access.ofSystem(name);
    await access.on(access.connection('postgres'), (ask) =>
      prepareSystem(ask, {
        name,
        verifier,
        enterAsSuperuser: (work) => access.on(access.connection(name), work),
        enterAsItself: (work) => access.on(connection, work),
      }),
    );
    return connection;
  }

  /** Tutti's own database is there, and systems may not enter it. */
  async prepare(): Promise<void> {
    await this.#access.on(this.#access.connection('postgres'), async (ask) => {
      await lockSystems(ask);
      await makeDatabase(ask, 'tutti', SUPERUSER);
      await shut(ask, ['tutti', 'postgres', 'template1']);
    });
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    // ignored: the caller that waits for the start gets its failure.
    await this.#starting?.catch(() => undefined);
    if (this.#users === null) return;
    const shared = await this.#othersConnected();
    await leaveUsers(this.#paths, this.#users);
    this.#users = null;
    const { server } = this.#access;
    if (server === null) return;
    if (shared || server.elsewhere) {
      const sentence = 'The embedded PostgreSQL keeps running: another process uses it.';
      this.#log.info({ pid: server.pid }, sentence);
    } else await this.#ended(server);
  }

  /** The watchdog ends it; the pid file goes a moment before the process does. */
  async #ended({ pid }: FoundPostmaster): Promise<void> {
    const giveUpAt = Date.now() + STOP_LIMIT_MS;
    while (Date.now() < giveUpAt) {
      if (findServer(this.#paths) === null && !isServerProcess(pid, this.#paths.cluster)) {
        this.#log.info({ pid }, 'The embedded PostgreSQL is stopped.');
        return;
      }
      await delay(POLL_MS);
    }
    const seconds = STOP_LIMIT_MS / 1_000;
    this.#log.warn({ pid }, `The embedded PostgreSQL did not stop within ${seconds} s.`);
  }

  async #othersConnected(): Promise<boolean> {
    try {
      const others = await this.#access.ask(
        "select 1 from pg_stat_activity where backend_type = 'client backend' and application_name <> $1 limit 1",
        [APPLICATION],
      );
      return others.length > 0;
    } catch {
      // ignored: a server that does not answer has no other user; the watchdog decides whether it ends.
      return false;
    }
  }
}

function notStarted(paths: ClusterPaths): TuttiError {
  const seen = findServer(paths);
  const sentence =
    seen?.elsewhere === true
      ? `A PostgreSQL on ${paths.cluster} runs outside of this container (process ${seen.pid}, in another container that shares the folder) and does not answer: stop it there.`
      : `PostgreSQL does not start. Its last messages: ${lastLogLines(paths)} (${paths.log})`;
  return new TuttiError('database.unavailable', sentence);
}
