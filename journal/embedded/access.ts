/**
 * How Tutti connects to its embedded server: as the superuser, with the password of the data folder.
 *
 * A server whose password is another (the file was lost, or is of another time than the cluster) is
 * opened once for as long as it takes to set the password (`password.ts`).
 */
import pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { SUPERUSER } from './cluster.ts';
import type { ClusterPaths } from './cluster-paths.ts';
import { close, isOpen, open, passwordFor, passwordOf, verifierOf } from './password.ts';
import type { FoundPostmaster } from './postmaster.ts';
import { type Ask, setPassword } from './roles.ts';

const WRONG_PASSWORD = '28P01';
/** It is alive. */
const TOO_MANY_CONNECTIONS = '53300';

export const APPLICATION = `tutti:${process.pid}`;

/** A connection of ours takes no settings from the database that it enters: these come before them. */
const OUR_SETTINGS = [
  'search_path=pg_catalog',
  'local_preload_libraries=',
  'statement_timeout=0',
  'idle_session_timeout=0',
  'default_transaction_read_only=off',
  'lock_timeout=10s',
];
const OPTIONS = OUR_SETTINGS.map((setting) => `-c ${setting}`).join(' ');

export class ServerAccess {
  /** The server that was asked last. */
  server: FoundPostmaster | null = null;
  readonly #paths: ClusterPaths;
  readonly #password: string;
  /** It was opened once, because the password was not the cluster's. */
  #opened = false;

  constructor(paths: ClusterPaths) {
    this.#paths = paths;
    this.#password = passwordOf(paths);
  }

  connection(database: string, user = SUPERUSER, password = this.#password): pg.ClientConfig {
    if (this.server === null) throw new TuttiError('database.unavailable');
    return {
      host: this.server.sockets,
      port: this.server.port,
      user,
      password,
      database,
      ssl: false,
      application_name: APPLICATION,
    };
  }

  /** Of the role of a system, which has a database of its own name. */
  ofSystem(name: string): { readonly connection: pg.ClientConfig; readonly verifier: string } {
    const password = passwordFor(name, this.#password);
    return { connection: this.connection(name, name, password), verifier: verifierOf(password) };
  }

  /** On one connection: each is milliseconds of every start. */
  async on<T>(connection: pg.ClientConfig, work: (ask: Ask) => Promise<T>): Promise<T> {
    const client = new pg.Client({
      ...connection,
      options: OPTIONS,
      connectionTimeoutMillis: 5_000,
      query_timeout: 30_000,
    });
    // ignored: a connection that is lost fails the statement that is under way, or the next one.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await work(async (text, values = []) => (await client.query(text, values)).rows);
    } finally {
      // ignored: the work is over; a server that does not answer a farewell has lost the connection.
      await client.end().catch(() => undefined);
    }
  }

  readonly ask: Ask = (text, values) =>
    this.on(this.connection('postgres'), (ask) => ask(text, values));

  /** Only a real answer counts: a postmaster may be seen ready while it dies. */
  async answers(server: FoundPostmaster): Promise<boolean> {
    this.server = server;
    try {
      await this.ask('select 1');
      if (isOpen(this.#paths)) await this.#close();
      return true;
    } catch (error) {
      // ignored: the caller asks again until its own limit, and then quotes the log of the server.
      const { code } = error as { code?: string };
      if (code === WRONG_PASSWORD) this.#open(server);
      return code === TOO_MANY_CONNECTIONS;
    }
  }

  /** A cluster of an earlier version, or one that was opened for us. */
  async #close(): Promise<void> {
    await setPassword(this.ask, SUPERUSER, verifierOf(this.#password));
    close(this.#paths);
    await this.ask('select pg_reload_conf()');
  }

  #open(server: FoundPostmaster): void {
    if (this.#opened) return;
    this.#opened = true;
    open(this.#paths);
    process.kill(server.pid, 'SIGHUP');
  }
}
