/** The shape of a value is the same before and behind the database, or it is refused. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../../model/json.ts';
import { contextOf, openServer, outcomeOf, type SqlServer } from './server.fixture.ts';

let server: SqlServer;
beforeAll(async () => {
  server = await openServer();
  await server.admin.query('create table docs (doc jsonb, old json, docs jsonb[])');
}, 120_000);
afterAll(async () => await server.close());

const query = async (statement: string, ...parameters: readonly Json[]) =>
  await outcomeOf('sql.query', { statement, parameters }, contextOf(server.url));

const DOCUMENTS: readonly Json[] = [
  [1, 2, { a: 'b' }],
  { list: [1, 2], '"quoted" \\': 'ü\n' },
  'hello',
  '"hello"',
  '{"not":"a map"}',
  [],
  ['a', null, ['b']],
  0,
  true,
];

test.each(DOCUMENTS.map((value) => [value]))(
  '%j is the same document behind jsonb',
  async (value) => {
    const given = {
      statement: 'insert into docs values ($1, $2, $3) returning doc, old, to_jsonb(docs) as docs',
      parameters: [value, value, [value, value]],
    };
    expect(await outcomeOf('sql.execute', given, contextOf(server.url))).toMatchObject({
      rows: [{ doc: value, old: value, docs: [value, value] }],
    });
  },
);

test.each([
  ['2 = any($1::int[])', [1, 2, 3], true],
  ["'b' = any($1)", ['a', 'b"\\'], false],
  ["'b\"\\' = any($1)", ['a', 'b"\\'], true],
  [
    'array_length($1::int[][], 2)',
    [
      [1, 2],
      [3, 4],
    ],
    2,
  ],
  ['$1::int[] is null', null, true],
  ['array_position($1::text[], null)', ['a', null], 2],
  ['$1::text', [1, 'a'], '[1,"a"]'],
  ['$1::text', { a: 1 }, '{"a":1}'],
  ['$1::text', 250, '250'],
  ['$1::numeric', 12.5, '12.5'],
  ['$1::boolean', true, true],
  ['$1::jsonb is null', null, true],
] as const)('%s of %j', async (expression, parameter, expected) => {
  expect(await query(`select ${expression} as it`, parameter as Json)).toMatchObject({
    rows: [{ it: expected }],
  });
});

test.each([
  'select o.id, c.id from (values (1)) o(id), (values (2)) c(id)',
  'select 1, 2',
  'select * from (values (1)) a(n) cross join (values (2)) b(n)',
  'select 1 as "__proto__"',
])('%s is refused before anything is done', async (statement) => {
  expect(await query(statement)).toMatchObject({ class: 'rejected', code: 'sql.columns' });
  const executed = await outcomeOf('sql.execute', { statement }, contextOf(server.url));
  expect(executed).toMatchObject({ class: 'rejected', code: 'sql.columns' });
});

test('columns of one name do no harm where no rows are given', async () => {
  const given = { statements: [{ statement: 'select 1, 2' }, { statement: 'select 3 as three' }] };
  expect(await outcomeOf('sql.execute', given, contextOf(server.url))).toMatchObject({
    rowCount: 2,
    rows: [{ three: 3 }],
  });
});

test.each([
  ['select $1::int as n', []],
  ['select 1 as n', [1]],
  ['select $1::text as n', ['a\0b']],
  ['select 1 as n \0', []],
] as const)('%j with %j says what does not fit', async (statement, parameters) => {
  expect(await query(statement, ...parameters)).toMatchObject({ class: 'rejected' });
});

test('numbers that JSON rounds stay text, inside of documents they are refused', async () => {
  const exact = await query(
    "select 9007199254740993 as big, 'NaN'::float8 as nan, 'Infinity'::float4 as inf, 1e400::numeric as huge",
  );
  expect(exact).toMatchObject({ rows: [{ big: '9007199254740993', nan: 'NaN', inf: 'Infinity' }] });
  expect(await query(`select '{"n": 9007199254740993}'::jsonb as doc`)).toMatchObject({
    class: 'rejected',
    code: 'sql.value',
  });
});
