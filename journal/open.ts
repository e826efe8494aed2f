/**
 * Opens the journal: on the PostgreSQL of a URL, else on the embedded one in the data folder.
 */
import { parseConnectionString } from './connection-string.ts';
import { openEmbedded, type EmbeddedServer } from './embedded/server.ts';
import { type Log, SILENT } from '../model/log.ts';
import type { Journal } from './journal.ts';
import { openPostgresJournal } from './postgres/journal.ts';

export interface OpenJournal {
  readonly journal: Journal;
  /** Null for a database by URL. */
  readonly embedded: EmbeddedServer | null;
  /** Closes the journal, then ends the embedded server unless other processes use it. */
  close(): Promise<void>;
}

export async function openJournal(options: {
  readonly databaseUrl?: string;
  readonly dataDirectory: string;
  /** Told what the journal and the embedded server do by themselves. */
  readonly log?: Log;
}): Promise<OpenJournal> {
  const { dataDirectory, log = SILENT } = options;
  if (options.databaseUrl !== undefined) {
    const hosts = parseConnectionString(options.databaseUrl, `tutti:${process.pid}`);
    const journal = await openPostgresJournal({ connection: hosts, threads: true, log });
    return { journal, embedded: null, close: () => journal.close() };
  }
  const embedded = await openEmbedded(dataDirectory, { log });
  try {
    const journal = await openPostgresJournal({
      connection: embedded.connection,
      ensureRunning: () => embedded.ensureRunning(),
      threads: true,
      log,
    });
    const close = async (): Promise<void> => {
      await journal.close();
      await embedded.stop();
    };
    return { journal, embedded, close };
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}
