/**
 * Brings the database to the schema of this version: numbered plain SQL, forward only, each file
 * in a transaction, under a lock so that nodes that start together do it once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { inTransaction } from './connection.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

const OLDEST_MAJOR = 14;
/** The node locks' space, with a number that no node has. */
const LOCK = 'select pg_advisory_lock(1953854580, -1)';
const UNLOCK = 'select pg_advisory_unlock(1953854580, -1)';
export const APPLIED = 'select number, name from migrations order by number';
export const RECORD = 'insert into migrations (number, name) values ($1, $2)';

/** Beside the sources, or at the package's root when this runs from `dist/`. */
function migrationsFolder(): string {
  const beside = fileURLToPath(new URL('../migrations', import.meta.url));
  if (existsSync(beside)) return beside;
  return fileURLToPath(new URL('../../../journal/migrations', import.meta.url));
}

export function readMigrations(folder = migrationsFolder()): readonly Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .toSorted()
    .map((file) => ({
      number: Number(file.slice(0, 4)),
      name: file.slice(5, -'.sql'.length),
      sql: readFileSync(join(folder, file), 'utf8'),
    }));
}

export async function checkVersion(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_version_num: string }>('show server_version_num');
  const major = Math.floor(Number(rows[0]?.server_version_num) / 10_000);
  if (major < OLDEST_MAJOR) {
    throw new TuttiError(
      'database.too-old',
      `The database is PostgreSQL ${major}; Tutti needs ${OLDEST_MAJOR} or newer.`,
    );
  }
}

/** The migrations that were applied: none when the schema was there. */
export async function migrate(
  client: pg.Client,
  migrations: readonly Migration[] = readMigrations(),
): Promise<readonly Migration[]> {
  await client.query(LOCK);
  try {
    await client.query(
      `create table if not exists migrations (
        number integer primary key,
        name text not null,
        applied_at timestamptz not null default now()
      )`,
    );
    const { rows } = await client.query<{ number: number; name: string }>(APPLIED);
    refuseNewer(rows, migrations);
    const applied = new Set(rows.map((row) => row.number));
    const missing = migrations.filter(({ number }) => !applied.has(number));
    for (const migration of missing) await apply(client, migration);
    return missing;
  } finally {
    // ignored: a connection that is lost has lost the lock with it.
    await client.query(UNLOCK).catch(() => undefined);
  }
}

function refuseNewer(
  applied: readonly { number: number; name: string }[],
  known: readonly Migration[],
): void {
  const unknown = applied.find((row) => !known.some((each) => each.number === row.number));
  if (unknown === undefined) return;
  throw new TuttiError(
    'database.too-new',
    `The database was brought to a newer schema (migration ${unknown.number} ${unknown.name}) than this version of Tutti knows.`,
  );
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await inTransaction(client, async () => {
    await client.query(migration.sql);
    await client.query(RECORD, [migration.number, migration.name]);
  });
}
