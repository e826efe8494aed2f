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
import pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { defaultCandidates, findBinaries, type Candidate } from './binaries.ts';
import { clusterMajor, createCluster, removeLeftovers, SUPERUSER } from './cluster.ts';
import { runsAsNobody } from './identity.ts';
import { close, isOpen, open, passwordFor, passwordOf, verifierOf } from './password.ts';
import { findClusterPaths, type ClusterPaths } from './cluster-paths.ts';
import {
  endServer,
  hasSocket,
  isServerProcess,
  lastLogLines,
  findServer,
  startServer,
  type RunningServer,
} from './postmaster.ts';
import { type Ask, makeDatabase, setPassword, settleSystem, shut, lockSystems } from './roles.ts';
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
  /** Told what an operator should know of what it does by itself. */
  readonly notice?: (sentence: string) => void;
}

const POLL_MS = 5;
/** Backends of a killed postmaster hold its shared memory for a moment. */
const START_AGAIN_MS = 15_000;
/** Crash recovery of a large cluster takes its time. */
const READY_LIMIT_MS = 600_000;
const STOP_LIMIT_MS = 30_000;

const WRONG_PASSWORD = '28P01';
/** It is alive. */
const TOO_MANY_CONNECTIONS = '53300';

const APPLICATION = `tutti:${process.pid}`;

/** A connection that we work on takes no settings from what it enters: these come before them. */
const OUR_SETTINGS = [
  'search_path=pg_catalog',
  'local_preload_libraries=',
  'statement_timeout=0',
  'idle_session_timeout=0',
  'default_transaction_read_only=off',
  'lock_timeout=10s',
];
const OPTIONS = OUR_SETTINGS.map((setting) => `-c ${setting}`).join(' ');

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
  const server = new Server(paths, () => startServer(paths, binaries), options.notice);
  try {
    await server.ensureRunning();
    await server.settle();
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
  readonly #notice: (sentence: string) => void;
  readonly #password: string;
  /** It was opened once, because the password was not the cluster's. */
  #opened = false;
  #seen: RunningServer | null = null;
  #users: number | null = null;
  #starting: Promise<void> | null = null;
  #stopped = false;

  constructor(
    paths: ClusterPaths,
    start: () => ChildProcess | null,
    notice: (sentence: string) => void = () => undefined,
  ) {
    this.#paths = paths;
    this.#start = start;
    this.#notice = notice;
    this.#password = passwordOf(paths);
    this.folder = paths.base;
  }

  get warning(): string | null {
    if (!runsAsNobody(this.#paths.identity)) return null;
    return 'PostgreSQL runs as the user "nobody", and so may other programs: whoever is that user can change its files. Make a user "postgres", or start Tutti as a user of its own.';
  }

  get connection(): pg.ClientConfig {
    return this.#connection('tutti');
  }

  ensureRunning(): Promise<void> {
    this.#starting ??= this.#run().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #run(): Promise<void> {
    // Joining after the end would keep the server up for nobody.
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
      } else if (seen.status === 'ready' && (await this.#answers(seen))) {
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
        throw this.#notStarted();
      }
    }
    throw new TuttiError('node.stopping');
  }

  #notStarted(): TuttiError {
    const seen = findServer(this.#paths);
    const sentence =
      seen?.elsewhere === true
        ? `A PostgreSQL on ${this.#paths.cluster} runs where it is not in sight (process ${seen.pid}, in another container that shares the folder) and does not answer: stop it there.`
        : `PostgreSQL does not start. Its last words: ${lastLogLines(this.#paths)} (${this.#paths.log})`;
    return new TuttiError('database.unavailable', sentence);
  }

  /** It answers nobody any more: it is not worth waiting for, and is started anew. */
  async #endWithoutSocket(seen: RunningServer): Promise<void> {
    this.#notice(
      `The embedded PostgreSQL lost its socket in ${seen.sockets}: somebody removed it. It is restarted.`,
    );
    await endServer(seen, this.#paths);
  }

  /** One that was asked to end and does not would keep everybody waiting for ever. */
  async #endStopping(seen: RunningServer): Promise<void> {
    this.#notice(
      `The embedded PostgreSQL (process ${seen.pid}) was asked to end ${STOP_LIMIT_MS / 1_000} s ago and did not: it is ended, and started anew.`,
    );
    await endServer(seen, this.#paths, 'SIGQUIT');
  }

  /** False when the process ended before it said anything. */
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
      if (seen !== null && (seen.pid === server.pid || seen.status === 'ready')) return true;
      await delay(POLL_MS);
    }
    // Another process was faster, or it cannot start yet: the caller looks again.
    await delay(10 * POLL_MS);
    return findServer(this.#paths) !== null;
  }

  /** Only a real answer counts: a postmaster may be seen ready while it dies. */
  async #answers(seen: RunningServer): Promise<boolean> {
    this.#seen = seen;
    try {
      await this.#ask('select 1');
      if (isOpen(this.#paths)) await this.#close();
      return true;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === WRONG_PASSWORD) this.#open(seen);
      return code === TOO_MANY_CONNECTIONS;
    }
  }

  /** A cluster of an earlier version, or one that was opened for us. */
  async #close(): Promise<void> {
    await setPassword(this.#ask, SUPERUSER, verifierOf(this.#password));
    close(this.#paths);
    await this.#ask('select pg_reload_conf()');
  }

  /** The file with the password was lost, or comes from another time than the cluster. */
  #open(seen: RunningServer): void {
    if (this.#opened) return;
    this.#opened = true;
    open(this.#paths);
    process.kill(seen.pid, 'SIGHUP');
  }

  readonly #ask: Ask = (text, values) =>
    this.#working(this.#connection('postgres'), (ask) => ask(text, values));

  /** On one connection: each is milliseconds of every start. */
  async #working<T>(connection: pg.ClientConfig, work: (ask: Ask) => Promise<T>): Promise<T> {
    const client = new pg.Client({
      ...connection,
      options: OPTIONS,
      connectionTimeoutMillis: 5_000,
      query_timeout: 30_000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await work(async (text, values = []) => (await client.query(text, values)).rows);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  #connection(database: string, user = SUPERUSER, password = this.#password): pg.ClientConfig {
    if (this.#seen === null) throw new TuttiError('database.unavailable');
    return {
      host: this.#seen.sockets,
      port: this.#seen.port,
      user,
      password,
      database,
      ssl: false,
      application_name: APPLICATION,
    };
  }

  async createDatabase(name: string): Promise<pg.ClientConfig> {
    await makeDatabase(this.#ask, name, SUPERUSER);
    return this.#connection(name);
  }

  async createSystem(name: string): Promise<pg.ClientConfig> {
    const password = passwordFor(name, this.#password);
    const connection = this.#connection(name, name, password);
    await this.#working(this.#connection('postgres'), (ask) =>
      settleSystem(ask, {
        name,
        verifier: verifierOf(password),
        enterAsSuperuser: (work) => this.#working(this.#connection(name), work),
        enterAsItself: (work) => this.#working(connection, work),
      }),
    );
    return connection;
  }

  /** Tutti's own database is there, and systems have no business in it. */
  async settle(): Promise<void> {
    await this.#working(this.#connection('postgres'), async (ask) => {
      await lockSystems(ask);
      await makeDatabase(ask, 'tutti', SUPERUSER);
      await shut(ask, ['tutti', 'postgres', 'template1']);
    });
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#starting?.catch(() => undefined);
    if (this.#users === null) return;
    const shared = await this.#othersConnected();
    await leaveUsers(this.#paths, this.#users);
    this.#users = null;
    if (shared || this.#seen?.elsewhere === true) return;
    const giveUpAt = Date.now() + STOP_LIMIT_MS;
    // The pid file goes a moment before the process does.
    const pid = this.#seen?.pid ?? 0;
    while (Date.now() < giveUpAt) {
      if (findServer(this.#paths) === null && !isServerProcess(pid, this.#paths.cluster)) return;
      await delay(POLL_MS);
    }
  }

  async #othersConnected(): Promise<boolean> {
    try {
      const others = await this.#ask(
        "select 1 from pg_stat_activity where backend_type = 'client backend' and application_name <> $1 limit 1",
        [APPLICATION],
      );
      return others.length > 0;
    } catch {
      return false;
    }
  }
}
