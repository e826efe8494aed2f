/**
 * Prints the schema of a database from its catalogue. `journal/schema.sql` is printed by this,
 * reviewed by people, and compared with the migrations by a test.
 */
import type pg from 'pg';

const COLUMNS = `
select c.relname as "table", string_agg(
  '  ' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
  || case when a.attidentity = 'a' then ' generated always as identity' else '' end
  || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
  || case when a.attnotnull then ' not null' else '' end, E',\\n' order by a.attnum) as columns
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
group by c.relname order by c.relname`;
const CONSTRAINTS = `
select c.relname as "table", conname as name, pg_get_constraintdef(k.oid) as definition
from pg_constraint k join pg_class c on c.oid = k.conrelid
where c.relnamespace = current_schema()::regnamespace and contype <> 'n'
order by c.relname, contype desc, conname`;
const INDEXES = `
select pg_get_indexdef(i.indexrelid) as definition
from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relnamespace = current_schema()::regnamespace
and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
order by c.relname`;
const FUNCTIONS = `
select pg_get_functiondef(oid) as definition from pg_proc
where pronamespace = current_schema()::regnamespace order by proname`;
const TRIGGERS = `
select pg_get_triggerdef(t.oid) as definition from pg_trigger t join pg_class c on c.oid = t.tgrelid
where c.relnamespace = current_schema()::regnamespace and not tgisinternal order by tgname`;
const VIEWS = `
select c.relname as name, pg_get_viewdef(c.oid) as definition from pg_class c
where relkind = 'v' and relnamespace = current_schema()::regnamespace order by relname`;

export async function printSchema(client: pg.Client): Promise<string> {
  const rows = async (text: string): Promise<Record<string, string>[]> =>
    (await client.query<Record<string, string>>(text)).rows;
  const parts = [
    '-- Printed from the result of the migrations; not run by anything.',
    ...(await rows(COLUMNS)).map((row) => `create table ${row['table']} (\n${row['columns']}\n);`),
    ...(await rows(CONSTRAINTS)).map(
      (row) => `alter table ${row['table']} add constraint ${row['name']}\n  ${row['definition']};`,
    ),
    ...(await rows(INDEXES)).map((row) => `${row['definition']};`),
    ...(await rows(FUNCTIONS)).map((row) => `${row['definition']?.trimEnd()};`),
    ...(await rows(TRIGGERS)).map((row) => `${row['definition']};`),
    ...(await rows(VIEWS)).map((row) => `create view ${row['name']} as\n${row['definition']}`),
  ];
  return `${parts.join('\n\n')}\n`;
}
