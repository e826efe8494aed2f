/**
 * Opens the journal: on the PostgreSQL of a URL, else on the embedded one in the data folder.
 */
import type pg from 'pg';
import { TuttiError } from '../model/errors.ts';
import { openEmbedded, type EmbeddedServer } from './embedded/server.ts';
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
}): Promise<OpenJournal> {
  if (options.databaseUrl !== undefined) {
    const journal = await openPostgresJournal({ connection: connectionOf(options.databaseUrl) });
    return { journal, embedded: null, close: () => journal.close() };
  }
  const embedded = await openEmbedded(options.dataDirectory);
  try {
    const journal = await openPostgresJournal({
      connection: embedded.connection,
      ensureRunning: () => embedded.ensureRunning(),
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

/** The URL may hold a password: it never appears in a message. */
function connectionOf(databaseUrl: string): pg.ClientConfig {
  const scheme = /^([a-z]+):/i.exec(databaseUrl)?.[1];
  if (scheme !== 'postgres' && scheme !== 'postgresql') {
    throw new TuttiError(
      'database.unreachable',
      `The database URL must begin with postgres:// or postgresql://${scheme === undefined ? '' : `, not ${scheme}://`}.`,
    );
  }
  return {
    connectionString: databaseUrl,
    application_name: `tutti:${process.pid}`,
  };
}
