/** Migrations, the schema that they make, and that every statement fits it. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { counterpart } from '../../tests/counterpart.ts';
import { systemCandidates } from '../embedded/binaries.ts';
import { openJournal } from '../open.ts';
import { batch, eventRow, openTestbed, runId, startRow, type Testbed } from '../testbed.ts';
import { checkVersion, migrate, readMigrations } from './migrate.ts';
import * as appendSql from './append.ts';
import * as bellsSql from './bells.ts';
import * as feedSql from './feed.ts';
import * as claimsSql from './claims.ts';
import * as hostsSql from './hosts.ts';
import * as journalSql from './journal.ts';
import * as leaseSql from './lease.ts';
import * as logsSql from './logs.ts';
import * as migrateSql from './migrate.ts';
import * as runsSql from './runs.ts';
import * as versionsSql from './versions.ts';
import * as vigilSql from './vigil.ts';
import { writeCursor } from './cursor.ts';
import { printSchema } from './schema.ts';

/** Every statement of this room: what the modules export, and lists under all their filters. */
const SQL = /^\s*(with|select|insert|update|delete)\b/i;

function allStatements(): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const module of [
    appendSql,
    bellsSql,
    claimsSql,
    feedSql,
    hostsSql,
    journalSql,
    leaseSql,
    logsSql,
    migrateSql,
    runsSql,
    versionsSql,
    vigilSql,
  ]) {
    for (const [name, value] of Object.entries(module)) {
      if (typeof value === 'string' && SQL.test(value)) all.set(name, value);
    }
  }
  const run = '0199a000-0000-7000-8000-000000000000';
  const limit = 1;
  const conditions = { workflow: 'w', key: 'k', parent: run, after: writeCursor([1, run]) };
  for (const statuses of [[], ['failed'], ['running', 'held']] as const) {
    all.set(
      `runs ${statuses.join()}`,
      runsSql.runsStatement({ ...conditions, statuses, limit }).text,
    );
  }
  for (const [name, value] of Object.entries(conditions)) {
    all.set(`runs by ${name}`, runsSql.runsStatement({ [name]: value, limit }).text);
  }
  all.set('logs of run', logsSql.logsStatement({ run, limit, after: writeCursor([1]) }).text);
  const task = { run, task: 't', attempt: 1, limit, after: writeCursor([1, 1]) };
  all.set('logs of task', logsSql.logsStatement(task).text);
  return all;
}

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
}, 60_000);
afterAll(() => bed.close(), 60_000);

async function prepareAll(client: pg.Client): Promise<void> {
  let n = 0;
  for (const [name, text] of allStatements()) {
    const refused = await client.query(`prepare statement_${n++} as ${text}`).then(
      () => null,
      (error: unknown) => `${name}: ${String(error)}`,
    );
    expect(refused).toBeNull();
  }
}

describe('migrations', () => {
  it('make the schema that is written down, once, though many start together', async () => {
    const connection = await bed.database();
    const clients = await Promise.all([1, 2, 3].map(() => bed.client(connection)));
    await Promise.all(clients.map((client) => migrate(client)));
    const [client] = clients;
    await expect(await printSchema(client as pg.Client)).toMatchFileSnapshot('../schema.sql');
    const { rows } = await (client as pg.Client).query('select number, name from migrations');
    expect(rows).toEqual(readMigrations().map(({ number, name }) => ({ number, name })));
  });

  it('leave nothing of one that fails', async () => {
    const client = await bed.client(await bed.database());
    const bad = { number: 1, name: 'bad', sql: 'create table half (); select 1 / 0' };
    await expect(migrate(client, [bad])).rejects.toThrow('division by zero');
    const { rows } = await client.query("select to_regclass('half') as half");
    expect(rows[0].half).toBeNull();
    await migrate(client);
  });

  it('refuse a database of a newer version', async () => {
    const connection = await bed.database();
    const client = await bed.client(connection);
    const newer = { number: 9999, name: 'from_the_future', sql: 'select 1' };
    await migrate(client, [...readMigrations(), newer]);
    await expect(bed.journal({ connection })).rejects.toMatchObject({ code: 'database.too-new' });
  });

  it('bring a database of version 0.1.0 with its runs along', async () => {
    const connection = await bed.database();
    const client = await bed.client(connection);
    await migrate(client, readMigrations().slice(0, 1));
    const run = (n: number): string => `'${runId(n)}', now(), 1, 1, 1, 'w', 'running', '{}'`;
    await client.query(`
      insert into nodes (name, epoch) values ('old', 3);
      insert into leases values (1, now() - interval '1 day');
      insert into runs (id, created_at, owner, version, total, workflow, status, "by", wake_at, ended_at)
      values (${run(1)}, null, null), (${run(2)}, to_timestamp(5), null), (${run(3)}, null, now());
      insert into events (run_id, at, seq, type, data) values ('${runId(1)}', now(), 0, 'RunStarted', '{}')`);
    const { journal } = await bed.journal({ connection });
    const lease = await journal.register('new', 60_000, null);
    const begin = (await journal.views.feed(null, 9)).next;
    expect(await journal.bury(lease)).toBe(1);
    expect((await journal.claim(lease, 6_000, 9)).runs).toEqual([runId(1), runId(2)]);
    const [first] = await journal.loadMany([runId(1)]);
    expect(first?.events).toMatchObject([{ seq: 0, type: 'RunStarted' }]);
    await journal.append(lease, batch({ events: [eventRow(runId(1), 1)] }));
    const { items } = await journal.views.feed(begin, 9);
    expect(items.map(({ event }) => event)).toEqual([eventRow(runId(1), 1)]);
  });

  it('are numbered without holes', () => {
    const numbers = readMigrations().map((each) => each.number);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });
});

it('prepares every statement', async () => {
  const { connection } = await bed.journal();
  expect(allStatements().size).toBeGreaterThan(40);
  await prepareAll(await bed.client(connection));
});

it('refuses a server that is too old', async () => {
  const old = { query: async () => ({ rows: [{ server_version_num: '130012' }] }) };
  await expect(checkVersion(old as unknown as pg.Client)).rejects.toMatchObject({
    code: 'database.too-old',
    message: 'The database is PostgreSQL 13; Tutti needs 14 or newer.',
  });
});

const system = systemCandidates();
const MACHINE = 'a PostgreSQL of the machine';

counterpart(
  MACHINE,
  system.length > 0,
  'apt-get install postgresql',
)(MACHINE, () => {
  it('serves a journal by URL', async () => {
    const other = await openTestbed({ candidates: system });
    try {
      const { host, database, user } = await other.database();
      const databaseUrl = `postgres://${user}@localhost/${database}?host=${encodeURIComponent(String(host))}`;
      const { journal, embedded } = await openJournal({ databaseUrl, dataDirectory: '/unused' });
      expect(embedded).toBeNull();
      const lease = await journal.register('main', 60_000, null);
      const run = runId(1);
      const written = batch({ starts: [startRow(run)], events: [eventRow(run, 0)] });
      expect(await journal.append(lease, written)).toEqual({ kind: 'committed' });
      expect((await journal.load(run))?.events).toEqual(written.events);
      await journal.close();
      await prepareAll(await other.client(await other.server.createDatabase(String(database))));
    } finally {
      await other.close();
    }
  }, 60_000);
});

describe('a database by URL', () => {
  it('says what is wrong, and never the password', async () => {
    const opening = (databaseUrl: string): Promise<unknown> =>
      openJournal({ databaseUrl, dataDirectory: '/unused' });
    const closed = opening('postgres://tutti:hush@127.0.0.1:1/tutti');
    await expect(closed).rejects.toThrow(/cannot be reached: .*ECONNREFUSED/);
    await expect(closed).rejects.not.toThrow('hush');
    await expect(opening('mysql://u:hush@h/d')).rejects.toThrow(/must begin with postgres:\/\//);
    await expect(opening('mysql://u:hush@h/d')).rejects.not.toThrow('hush');
  });

  it('says that a database is missing', async () => {
    const connection = { ...bed.server.connection, database: 'missing' };
    await expect(bed.journal({ connection })).rejects.toMatchObject({
      code: 'database.unreachable',
      message: 'The database refuses: database "missing" does not exist (3D000)',
    });
  });
});
