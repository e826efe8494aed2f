/**
 * For tests that need PostgreSQL: a folder of their own with an embedded server, and as many
 * empty databases on it as they want. `close` ends the server and removes the folder.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediately } from 'node:timers/promises';
import pg from 'pg';
import { openEmbedded, type EmbeddedOptions, type EmbeddedServer } from './embedded/server.ts';
import type { Journal } from './journal.ts';
export { batch, eventRow, runId, startRow, updateRow } from './rows.fixture.ts';
import { openPostgresJournal, type PostgresJournalOptions } from './postgres/journal.ts';

type JournalOptions = Partial<PostgresJournalOptions> & { readonly connection?: pg.ClientConfig };

export interface Testbed {
  readonly folder: string;
  readonly server: EmbeddedServer;
  /** The connection of a new empty database. */
  database(): Promise<pg.ClientConfig>;
  /** A journal on a new database, closed with the testbed. */
  journal(options?: JournalOptions): Promise<{ journal: Journal; connection: pg.ClientConfig }>;
  client(connection: pg.ClientConfig): Promise<pg.Client>;
  close(): Promise<void>;
}

export function temporaryFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'tutti-journal-')));
}

export async function openTestbed(options: EmbeddedOptions = {}): Promise<Testbed> {
  const folder = temporaryFolder();
  const server = await openEmbedded(folder, options);
  const open: (() => Promise<void>)[] = [];
  let count = 0;
  const ensureRunning = (): Promise<void> => server.ensureRunning();
  const database = (): Promise<pg.ClientConfig> => server.createDatabase(`test_${count++}`);
  return {
    folder,
    server,
    database,
    journal: async (more = {}) => {
      const connection = more.connection ?? (await database());
      const journal = await openPostgresJournal({ ensureRunning, ...more, connection });
      open.push(() => journal.close());
      return { journal, connection };
    },
    client: async (connection) => {
      const client = new pg.Client(connection);
      client.on('error', () => undefined);
      await client.connect();
      open.push(() => client.end());
      return client;
    },
    close: async () => {
      await Promise.all(open.map((close) => close().catch(() => undefined)));
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Until a fact of another process holds, which sends no signal: asked again and again, as fast as
 * it can be told. The test's own limit ends it.
 */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await immediately();
}
