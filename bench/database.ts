/**
 * The PostgreSQL of a measurement: one server, started as Tutti starts its own and with the same
 * settings (fsync, full_page_writes and synchronous_commit on), an empty database for each
 * contestant. All of them reach it over the same Unix socket. A folder that is kept has what its
 * named databases held.
 */
import pg from 'pg';
import { type EmbeddedServer, openEmbedded } from '../journal/embedded/server.ts';

export interface Database {
  readonly name: string;
  readonly connection: pg.ClientConfig;
  readonly url: string;
  drop(): Promise<void>;
}

export class DatabaseServer {
  readonly version: string;
  readonly pid: number;
  readonly #server: EmbeddedServer;
  readonly #client: pg.Client;
  #count = 0;

  private constructor(
    server: EmbeddedServer,
    client: pg.Client,
    facts: { readonly version: string; readonly pid: number },
  ) {
    this.#server = server;
    this.#client = client;
    this.version = facts.version;
    this.pid = facts.pid;
  }

  static async open(directory: string): Promise<DatabaseServer> {
    const server = await openEmbedded(directory);
    const client = new pg.Client(server.connection);
    await client.connect();
    const { rows } = await client.query<{ version: string; file: string }>(
      `select current_setting('server_version') as version, pg_read_file('postmaster.pid') as file`,
    );
    const { version = '', file = '' } = rows[0] ?? {};
    return new DatabaseServer(server, client, { version, pid: Number.parseInt(file, 10) });
  }

  /** An empty one. */
  async database(): Promise<Database> {
    const name = `bench_${this.#count++}`;
    await this.#drop(name);
    return this.named(name);
  }

  /** The one of this name, as it was left, or an empty one. */
  async named(name: string): Promise<Database> {
    const connection = await this.#server.createDatabase(name);
    const { host = '', port = 5432, user = '', password } = connection;
    const url = `postgresql://${user}:${String(password)}@localhost:${port}/${name}?host=${encodeURIComponent(host)}`;
    return { name, connection, url, drop: () => this.#drop(name) };
  }

  /** Nobody may be connected to it. */
  async copy(of: Database): Promise<Database> {
    const name = `${of.name}_copy`;
    await this.#drop(name);
    const [to, from] = [name, of.name].map((each) => pg.escapeIdentifier(each));
    await this.#client.query(`create database ${to} template ${from} strategy file_copy`);
    return this.named(name);
  }

  /** What was noted at a database; null: nothing. */
  async noteOf({ name }: Database): Promise<string | null> {
    const { rows } = await this.#client.query<{ note: string | null }>(
      `select shobj_description(oid, 'pg_database') as note from pg_database where datname = $1`,
      [name],
    );
    return rows[0]?.note ?? null;
  }

  async note({ name }: Database, note: string): Promise<void> {
    const text = pg.escapeLiteral(note);
    await this.#client.query(`comment on database ${pg.escapeIdentifier(name)} is ${text}`);
  }

  async #drop(name: string): Promise<void> {
    const database = pg.escapeIdentifier(name);
    await this.#client.query(`drop database if exists ${database} with (force)`);
  }

  /** What came before is written out, so that it is not paid for during the next measurement. */
  async settle(): Promise<void> {
    await this.#client.query('checkpoint');
  }

  /** Bytes of write-ahead log so far. */
  async wal(): Promise<number> {
    const { rows } = await this.#client.query<{ bytes: string }>(
      `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as bytes`,
    );
    return Number(rows[0]?.bytes);
  }

  async close(): Promise<void> {
    await this.#client.end();
    await this.#server.stop();
  }
}
