/** However a statement ends the transaction, and however that is spelt: nothing is done twice. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { contextOf, openServer, outcomeOf, type SqlServer } from './server.fixture.ts';

let server: SqlServer;
beforeAll(async () => {
  server = await openServer();
  await server.admin.query('create table hidden (n int)');
  await server.admin.query('create procedure finish() language plpgsql as $$ begin commit; end $$');
}, 120_000);
afterAll(async () => await server.close());
beforeEach(async () => {
  await server.admin.query('truncate hidden');
});

async function rowsOf(statements: readonly string[]): Promise<[outcome: unknown, rows: number]> {
  const given = { statements: statements.map((statement) => ({ statement })) };
  const outcome = await outcomeOf('sql.execute', given, contextOf(server.url));
  const { rowCount } = await server.admin.query('select n from hidden');
  return [outcome, rowCount ?? -1];
}

const REFUSED = { class: 'rejected', code: 'sql.transaction' };

test.each([
  'commit',
  ';commit',
  ' ; ;\t;COMMIT ;',
  '/* a /* b */ */ commit',
  '-- a\rcommit',
  '\fcommit',
  'end',
  'commit and chain',
  "prepare transaction 'half'",
  'rollback',
  ';/*/**/*/abort',
  'rollback and chain',
])('%j between two statements ends the attempt, and nothing stays', async (ending) => {
  const [outcome, rows] = await rowsOf(['insert into hidden values (1)', ending, 'select 1 / 0']);
  expect(outcome).toMatchObject(
    // Servers do not prepare transactions unless they are told to: then that is what is said.
    ending.startsWith('prepare') ? { class: 'rejected' } : REFUSED,
  );
  expect(rows).toBe(0);
});

test.each(['call finish()', 'do $$ begin commit; end $$'])(
  '%j cannot commit, and nothing stays',
  async (ending) => {
    const [outcome, rows] = await rowsOf(['insert into hidden values (1)', ending]);
    expect(outcome).toMatchObject({ class: 'rejected', native: { sqlstate: '2D000' } });
    expect(rows).toBe(0);
  },
);

test('a commit as the last statement is refused too', async () => {
  const [outcome, rows] = await rowsOf(['insert into hidden values (1)', ';commit']);
  expect(outcome).toMatchObject(REFUSED);
  expect(rows).toBe(0);
});

test('who removes the marker first and then commits is told what stays, and never retried', async () => {
  const [outcome, rows] = await rowsOf([
    'insert into hidden values (1)',
    'delete from tutti_markers where open is not null',
    'commit',
    'select 1 / 0',
  ]);
  expect(outcome).toMatchObject(REFUSED);
  expect(String(outcome)).toContain('is committed');
  expect(rows).toBe(1);
  const [other, same] = await rowsOf(['delete from tutti_markers where open is not null']);
  expect(other).toMatchObject(REFUSED);
  expect(same).toBe(1);
});

test('names may be looked for elsewhere: the marker is found by its schema', async () => {
  const [outcome, rows] = await rowsOf([
    'insert into hidden values (1)',
    'create schema if not exists elsewhere',
    'set search_path = elsewhere',
    'savepoint a',
    'rollback to savepoint a',
  ]);
  expect(outcome).toMatchObject({ rowCount: 1 });
  expect(rows).toBe(1);
});

test('what leaves the transaction whole is allowed', async () => {
  const [outcome, rows] = await rowsOf([
    'savepoint here',
    'insert into hidden values (1)',
    'rollback to savepoint here',
    'insert into hidden values (2)',
    'release savepoint here',
    'set local search_path to public',
    'begin',
    'insert into hidden values (3)',
  ]);
  expect(outcome).toMatchObject({ rowCount: 3 });
  expect(rows).toBe(2);
});

test('a marker table of an older Tutti is completed', async () => {
  await server.admin.query('drop table if exists tutti_markers');
  await server.admin.query(
    'create table tutti_markers (key text primary key, at timestamptz not null default now(), output jsonb)',
  );
  const [outcome, rows] = await rowsOf(['insert into hidden values (1)', 'commit']);
  expect(outcome).toMatchObject(REFUSED);
  expect(rows).toBe(0);
});
