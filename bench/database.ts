/**
 * The PostgreSQL of a measurement: one server, started as Tutti starts its own and with the same
 * settings (fsync, full_page_writes and synchronous_commit on), an empty database for each
 * contestant. All of them reach it over the same Unix socket.
 */
import pg from 'pg';
import { type EmbeddedServer, openEmbedded } from '../journal/embedded/server.ts';

export interface Database {
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

  async database(): Promise<Database> {
    const name = `bench_${this.#count++}`;
    const connection = await this.#server.createDatabase(name);
    const { host = '', port = 5432, user = '', password } = connection;
    const url = `postgresql://${user}:${String(password)}@localhost:${port}/${name}?host=${encodeURIComponent(host)}`;
    const drop = async (): Promise<void> => {
      await this.#client.query(`drop database ${pg.escapeIdentifier(name)} with (force)`);
    };
    return { connection, url, drop };
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
