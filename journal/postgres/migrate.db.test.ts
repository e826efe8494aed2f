/** Migrations, the schema that they make, and that every statement fits it. */
import type { Log } from '../../model/log.ts';
import { connectionUrl } from '../connection-string.ts';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withOtherServers } from '../../tests/servers.ts';
import { madeCases } from '../../tests/plans/cases.ts';
import { allStatements } from '../../tests/plans/statements.ts';
import type { Candidate } from '../embedded/binaries.ts';
import { openJournal } from '../open.ts';
import { batch, eventRow, openTestbed, runId, startRow, type Testbed } from '../testbed.ts';
import { checkVersion, migrate, readMigrations } from './migrate.ts';
import { printSchema } from './schema.ts';

/** Every statement of the journal, those that are made of parts in all their combinations. */
async function everyStatement(): Promise<ReadonlyMap<string, string>> {
  const at = { createdAt: (n: number) => n, dateOf: () => '2026-03-01', idOf: runId };
  const ids = { parent: runId(1), bulk: runId(2) };
  const made = madeCases({ runs: 100, tasks: 2, orphans: true, now: 0, ...at, ...ids });
  const { texts } = await allStatements();
  return new Map([
    ...texts,
    ...made.map(({ name, maker, text }) => [`${maker} ${name}`, text] as const),
  ]);
}

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
}, 60_000);
afterAll(() => bed.close(), 60_000);

async function prepareAll(client: pg.Client): Promise<void> {
  let n = 0;
  for (const [name, text] of await everyStatement()) {
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

  it('are told to the log when they are applied, and only then', async () => {
    const connection = await bed.database();
    const told: [object, string][] = [];
    const log: Log = {
      info: (fields, sentence) => void told.push([fields, sentence]),
      warn: () => undefined,
    };
    const all = readMigrations();
    await bed.journal({ connection, log });
    await bed.journal({ connection, log });
    const migrations = all.map(({ number, name }) => `${number} ${name}`);
    const sentence = `The schema of the database was brought to migration ${all.length}.`;
    expect(told).toEqual([[{ migrations }, sentence]]);
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
    expect(await journal.fenceExpired(lease)).toBe(1);
    expect((await journal.claim(lease, 6_000, 9)).runs).toEqual([runId(1), runId(2)]);
    const [first] = await journal.loadMany([runId(1)]);
    expect(first?.events).toMatchObject([{ seq: 0, type: 'RunStarted' }]);
    await journal.append(lease, batch({ events: [eventRow(runId(1), 1)] }));
    const { items } = await journal.views.feed(begin, 9);
    expect(items.map(({ event }) => event)).toEqual([eventRow(runId(1), 1)]);
  });

  it('bring events along as they are written now', async () => {
    const connection = await bed.database();
    const client = await bed.client(connection);
    await migrate(client, readMigrations().slice(0, 11));
    const run = runId(1);
    const old = ['RunStarted', 'TaskStarted', 'TaskLost', 'TaskFound', 'TaskLost'];
    const rows = old.map((type, seq) => `('${run}', now(), ${seq}, '${type}', '{}')`);
    for (const data of [
      '{"branch":-1,"values":{"a":1.50}}',
      '{"branch":1}',
      '{"x":"\\"branch\\":-1"}',
    ])
      rows.push(`('${run}', now(), ${rows.length}, 'TaskEnded', '${data}')`);
    await client.query(`
      insert into runs (id, created_at, version, total, workflow, status, "by")
      values ('${run}', now(), 1, 1, 'w', 'running', '{}');
      insert into events (run_id, at, seq, type, data) values ${rows.join()}`);
    const { journal } = await bed.journal({ connection });
    const events = (await journal.load(run))?.events ?? [];
    const types = events.slice(0, old.length).map(({ type }) => type);
    const now = ['TaskMarkedUnknown', 'TaskResolved', 'TaskMarkedUnknown'];
    expect(types).toEqual(['RunStarted', 'TaskStarted', ...now]);
    expect(events.slice(old.length).map(({ data }) => JSON.parse(data))).toEqual([
      { values: { a: 1.5 } },
      { branch: 1 },
      { x: '"branch":-1' },
    ]);
    await expect(client.query("update events set type = ''")).rejects.toThrow('append-only');
  });

  it('are numbered without holes', () => {
    const numbers = readMigrations().map((each) => each.number);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });
});

it('prepares every statement', async () => {
  const { connection } = await bed.journal();
  expect((await everyStatement()).size).toBeGreaterThan(100);
  await prepareAll(await bed.client(connection));
});

it('refuses a server that is too old', async () => {
  const old = { query: async () => ({ rows: [{ server_version_num: '130012' }] }) };
  await expect(checkVersion(old as unknown as pg.Client)).rejects.toMatchObject({
    code: 'database.too-old',
    message: 'The database is PostgreSQL 13; Tutti needs 14 or newer.',
  });
});

/** A journal by URL, on a server that is not the embedded one. */
function serves(candidates: readonly Candidate[]): void {
  it('serves a journal by URL, and prepares every statement', async () => {
    const other = await openTestbed({ candidates });
    try {
      const connection = await other.database();
      const { database } = connection;
      const databaseUrl = connectionUrl(connection);
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
}

withOtherServers(serves);

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
      code: 'database.refuses',
      message: 'The database refuses: database "missing" does not exist (3D000)',
    });
  });
});
