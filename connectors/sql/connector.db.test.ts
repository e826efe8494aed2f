/** The contract, against a real PostgreSQL. */
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { conformance, type Counterpart } from '../kit/conformance.ts';
import type { ActionContext } from '../kit/index.ts';
import { sql } from './connector.ts';
import { classOf } from './failure.ts';
import { actionOf, contextOf as contextFor, openServer, type SqlServer } from './server.fixture.ts';
import type { SqlConfig } from './schemas.ts';

let server: SqlServer;
beforeAll(async () => {
  server = await openServer();
  await server.admin.query('create table ledger (id serial primary key, name text unique)');
}, 120_000);
afterAll(async () => await server.close());

const execute = actionOf('sql.execute');
const query = actionOf('sql.query');
const contextOf = (change?: Partial<ActionContext<SqlConfig>>) => contextFor(server.url, change);

async function count(where = 'true'): Promise<number> {
  const { rows } = await server.admin.query(`select count(*)::int as n from ledger where ${where}`);
  return (rows as { n: number }[])[0]?.n ?? -1;
}

async function open(): Promise<Counterpart> {
  return {
    get config() {
      return { url: server.url };
    },
    directory: tmpdir(),
    stateDirectory: tmpdir(),
    fresh: async () => sql,
    close: async () => {},
  };
}

/** Has no end: the server makes rows as they are taken. */
const FLOOD = `with recursive more(n) as (select 1 union all select n + 1 from more)
  select n, repeat('x', 100) as x from more`;

/** Asks until the server says that the statement is under way. */
async function sleeping(word: string): Promise<void> {
  for (;;) {
    const { rowCount } = await server.admin.query(
      "select 1 from pg_stat_activity where wait_event = 'PgSleep' and query like $1",
      [`%/* ${word} */`],
    );
    if (rowCount === 1) return;
  }
}

const INSERT = 'insert into ledger (name) values ($1) returning name';

conformance(sql, open, {
  calls: [
    {
      action: 'sql.execute',
      with: { statement: 'insert into ledger default values returning 1 as one' },
      output: { rowCount: 1, rows: [{ one: 1 }] },
      effects: async () => await count(),
      locates: true,
    },
    {
      action: 'sql.query',
      with: {
        statement: `select $1::int8 as n, 9007199254740993 as big, 1.50::numeric as exact, true as yes,
          '{"a":[1]}'::jsonb as j, '2025-11-22'::date as day, null as nothing`,
        parameters: [7],
      },
      output: {
        truncated: false,
        rows: [
          {
            n: 7,
            big: '9007199254740993',
            exact: '1.50',
            yes: true,
            j: { a: [1] },
            day: '2025-11-22',
            nothing: null,
          },
        ],
      },
    },
    {
      action: 'sql.query',
      with: { statement: 'select * from generate_series(1, 1000000) as n', limit: 2 },
      output: { rowCount: 2, rows: [{ n: 1 }, { n: 2 }], truncated: true },
    },
  ],
  endless: [
    {
      action: 'sql.execute',
      with: { statement: 'select pg_sleep(1000) /* once */' },
      begun: async () => await sleeping('once'),
    },
    {
      action: 'sql.query',
      with: { statement: 'select pg_sleep(1000) /* again */' },
      begun: async () => await sleeping('again'),
    },
  ],
  floods: [
    { action: 'sql.execute', with: { statement: FLOOD } },
    { action: 'sql.query', with: { statement: FLOOD, limit: 10_000 } },
  ],
  failures: [
    {
      title: 'a mistake',
      action: 'sql.execute',
      with: { statement: 'selekt 1' },
      class: 'rejected',
      code: 'sql.error',
      native: { sqlstate: '42601', position: '1' },
    },
    {
      title: 'two statements in one',
      action: 'sql.execute',
      with: { statement: 'select 1; commit' },
      class: 'rejected',
      code: 'sql.error',
    },
    {
      title: 'a commit of its own',
      action: 'sql.execute',
      with: { statement: '/* mine */ -- now\n COMMIT' },
      class: 'rejected',
      code: 'sql.transaction',
    },
    {
      title: 'a division by zero',
      action: 'sql.execute',
      with: { statement: 'select 1/0' },
      class: 'failed',
      code: 'sql.error',
      native: { sqlstate: '22012' },
    },
    {
      title: 'a statement over its time',
      action: 'sql.execute',
      with: { statement: 'select pg_sleep(1000)', timeout: '30ms' },
      class: 'timeout',
      code: 'sql.timeout',
      native: { sqlstate: '57014' },
    },
    {
      title: 'a write in a query',
      action: 'sql.query',
      with: { statement: "select nextval('ledger_id_seq')" },
      class: 'rejected',
      code: 'sql.error',
      native: { sqlstate: '25006' },
    },
    {
      title: 'a connection that is ended by the server',
      action: 'sql.execute',
      with: {
        statement:
          'do $$ begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1000); end $$',
      },
      class: 'transient',
      code: 'sql.error',
      native: { sqlstate: '57P01' },
    },
    {
      title: 'an output of 300 kB',
      action: 'sql.execute',
      with: { statement: "select repeat('x', 300000) as big" },
      class: 'rejected',
      code: 'output.too-large',
    },
  ],
});

test('a server that does not answer is transient, an unknown user is auth', async () => {
  const nobody = server.url.replace(`//${server.login}@`, '//nobody-we-know:pa55word@');
  const input = execute.parse({ statement: 'select 1' });
  await expect(
    execute.does.call(contextOf({ config: { url: nobody } }), input),
  ).rejects.toMatchObject({ class: 'auth', native: { sqlstate: '28P01' } });
  const gone = `postgres://${server.user}:pa55word@localhost/work?host=${encodeURIComponent(server.directory)}`;
  const failure: unknown = await execute.does
    .call(contextOf({ config: { url: gone } }), input)
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ class: 'transient', code: 'sql.unreachable' });
  const broken = await execute.does
    .call(contextOf({ config: { url: 'postgres://me:pa55word@[/' } }), input)
    .catch((error: unknown) => error);
  expect(broken).toMatchObject({ class: 'rejected', code: 'sql.url' });
  expect(`${String(failure)}${String(broken)}${JSON.stringify(broken)}`).not.toContain('pa55word');
});

test('statements share one transaction: all or nothing', async () => {
  const input = execute.parse({
    statements: [
      { statement: INSERT, parameters: ['half'] },
      { statement: INSERT, parameters: ['half'] },
    ],
  });
  const context = contextOf();
  await expect(execute.does.call(context, input)).rejects.toMatchObject({
    class: 'failed',
    native: { sqlstate: '23505', constraint: 'ledger_name_key' },
  });
  expect(await count("name = 'half'")).toBe(0);
  expect(await execute.does.locate?.(context, input)).toBe('absent');
});

test('many at once make the marker table once; one key at once takes effect once', async () => {
  await server.admin.query('drop table if exists tutti_markers');
  const fresh = execute.parse({ statement: 'insert into ledger default values' });
  await Promise.all(
    Array.from({ length: 8 }, async () => await execute.does.call(contextOf(), fresh)),
  );
  const context = contextOf();
  const same = execute.parse({ statement: INSERT, parameters: ['same'] });
  const outputs = await Promise.all(
    Array.from({ length: 4 }, async () => await execute.does.call(context, same)),
  );
  expect(new Set(outputs.map((output) => JSON.stringify(output))).size).toBe(1);
  expect(await count("name = 'same'")).toBe(1);
});

test('a user who may not create the marker table is told what to create', async () => {
  await server.admin.query('drop table if exists tutti_markers');
  await server.admin.query('drop role if exists reader');
  await server.admin.query("create role reader login password 'reads'");
  const config = { url: server.url.replace(`//${server.login}@`, '//reader:reads@') };
  const input = execute.parse({ statement: 'select 1' });
  await expect(execute.does.call(contextOf({ config }), input)).rejects.toMatchObject({
    class: 'rejected',
    code: 'sql.markers',
    message: expect.stringContaining('create table if not exists tutti_markers') as string,
  });
});

test('notices are the log, and an abort cancels the running statement', async () => {
  const abort = new AbortController();
  const lines: string[] = [];
  const log = (_stream: string, text: string) => {
    lines.push(text);
    abort.abort();
  };
  const statement = "do $$ begin raise notice 'under way'; perform pg_sleep(1000); end $$";
  const context = contextOf({ signal: abort.signal, log });
  await expect(execute.does.call(context, execute.parse({ statement }))).rejects.toMatchObject({
    class: 'failed',
    code: 'sql.cancelled',
  });
  expect(lines).toEqual(['NOTICE: under way\n']);
});

/** Passes everything on until the server says that it committed: that never arrives. */
async function losingCommits(): Promise<{ proxy: Server; port: number }> {
  const proxy = createServer((near) => {
    const far = createConnection(server.socket);
    near.on('data', (data: Buffer) => far.write(data));
    far.on('data', (data: Buffer) => {
      if (data.includes('COMMIT\0')) near.destroy();
      else near.write(data);
    });
    near.on('error', () => {}).on('close', () => far.end());
    far.on('error', () => near.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return { proxy, port: (proxy.address() as AddressInfo).port };
}

test('a reply lost in commit is unknown, and the marker tells that it took effect', async () => {
  await execute.does.call(contextOf(), execute.parse({ statement: 'select 1' }));
  const { proxy, port } = await losingCommits();
  const context = contextOf({
    config: { url: `postgres://${server.login}@127.0.0.1:${port}/work` },
  });
  const input = execute.parse({ statement: INSERT, parameters: ['lost'] });
  await expect(execute.does.call(context, input)).rejects.toMatchObject({
    class: 'unknown',
    code: 'sql.lost-reply',
  });
  const later = { ...context, config: { url: server.url } };
  const found = { rowCount: 1, rows: [{ name: 'lost' }] };
  expect(await execute.does.locate?.(later, input)).toEqual({ found });
  expect(await execute.does.call(later, input)).toEqual(found);
  expect(await count("name = 'lost'")).toBe(1);
  proxy.close();
  await once(proxy, 'close');
});

test('a query reads only', async () => {
  const input = query.parse({ statement: 'delete from ledger returning id' });
  await expect(query.does.call(contextOf(), input)).rejects.toMatchObject({ class: 'rejected' });
});

test.each([
  ['08006', 'transient'],
  ['40001', 'transient'],
  ['40P01', 'transient'],
  ['53300', 'transient'],
  ['57P03', 'transient'],
  ['28P01', 'auth'],
  ['57014', 'timeout'],
  ['42P01', 'rejected'],
  ['23505', 'failed'],
  ['P0001', 'failed'],
])('SQLSTATE %s is %s', (sqlstate, kind) => {
  expect(classOf(sqlstate)).toBe(kind);
});
