/**
 * A system in the embedded server has a role and a database of its own: it owns what is in there,
 * and reaches nothing else, neither Tutti's journal nor the files and programs of the machine.
 *
 * Every step looks first, so it can be taken again after a crash in its middle, at each start, and
 * by two processes at once. Systems of earlier versions belonged to the superuser: what they made
 * is handed over.
 */
import pg from 'pg';

export type Ask = (database: string, text: string, values?: unknown[]) => Promise<unknown[]>;

/** Another process did the same at the same moment. */
const DONE_BY_OTHERS = new Set(['42P04', '42710', '23505']);

const BOUNDS = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls';

/** Sets the password of a role that is there; `verifier` as PostgreSQL keeps it. */
export async function setPassword(ask: Ask, role: string, verifier: string): Promise<void> {
  const known = await ask(
    'postgres',
    'select 1 from pg_authid where rolname = $1 and rolpassword = $2',
    [role, verifier],
  );
  if (known.length > 0) return;
  await ask('postgres', `alter role ${quoted(role)} password ${pg.escapeLiteral(verifier)}`);
}

export async function makeRole(ask: Ask, role: string, verifier: string): Promise<void> {
  const known = await ask('postgres', 'select 1 from pg_roles where rolname = $1', [role]);
  if (known.length === 0) await unlessDone(ask, `create role ${quoted(role)} ${BOUNDS}`);
  const above = await ask(
    'postgres',
    'select 1 from pg_roles where rolname = $1 and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls or not rolcanlogin)',
    [role],
  );
  if (above.length > 0) await ask('postgres', `alter role ${quoted(role)} ${BOUNDS}`);
  await setPassword(ask, role, verifier);
}

export async function makeDatabase(ask: Ask, name: string, owner: string): Promise<void> {
  const found = await ask(
    'postgres',
    'select pg_get_userbyid(datdba) = $2 as owned from pg_database where datname = $1',
    [name, owner],
  );
  const [database] = found as { owned: boolean }[];
  if (database === undefined) {
    await unlessDone(ask, `create database ${quoted(name)} owner ${quoted(owner)}`);
  } else if (!database.owned) {
    await ask('postgres', `alter database ${quoted(name)} owner to ${quoted(owner)}`);
  }
}

/** Only its owner enters it, and whoever may enter all. */
export async function shut(ask: Ask, names: readonly string[]): Promise<void> {
  const open = (await ask(
    'postgres',
    "select datname from pg_database where datname = any($1) and has_database_privilege('public', oid, 'connect')",
    [names],
  )) as { datname: string }[];
  for (const { datname } of open) {
    await ask('postgres', `revoke all on database ${quoted(datname)} from public`);
  }
}

/** What the superuser owns in this database, outside of the system's schemas and of extensions. */
const SUPERUSERS = `
with own as (select oid from pg_roles where rolname = current_user),
kept as (select classid, objid from pg_depend where deptype in ('e', 'a', 'i')),
schemas as (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
select 'schema ' || quote_ident(nspname) as name from pg_namespace, own
  where nspowner = own.oid and pg_namespace.oid in (select oid from schemas)
union all
select case relkind when 'v' then 'view ' when 'm' then 'materialized view ' when 'S' then 'sequence '
    when 'f' then 'foreign table ' else 'table ' end || pg_class.oid::regclass
  from pg_class, own where relowner = own.oid and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  and relnamespace in (select oid from schemas)
  and ('pg_class'::regclass, pg_class.oid) not in (select classid, objid from kept)
union all
select 'routine ' || pg_proc.oid::regprocedure from pg_proc, own where proowner = own.oid
  and pronamespace in (select oid from schemas)
  and ('pg_proc'::regclass, pg_proc.oid) not in (select classid, objid from kept)
union all
select 'type ' || pg_type.oid::regtype from pg_type, own where typowner = own.oid
  and typnamespace in (select oid from schemas) and typtype in ('c', 'd', 'e', 'r')
  and (typrelid = 0 or exists (select from pg_class where pg_class.oid = typrelid and relkind = 'c'))
  and ('pg_type'::regclass, pg_type.oid) not in (select classid, objid from kept)
union all
select 'large object ' || pg_largeobject_metadata.oid from pg_largeobject_metadata, own
  where lomowner = own.oid`;

export async function handOver(ask: Ask, database: string, owner: string): Promise<void> {
  const all = (await ask(database, SUPERUSERS)) as { name: string }[];
  for (const { name } of all) await ask(database, `alter ${name} owner to ${quoted(owner)}`);
}

async function unlessDone(ask: Ask, text: string): Promise<void> {
  try {
    await ask('postgres', text);
  } catch (error) {
    if (!DONE_BY_OTHERS.has((error as { code?: string }).code ?? '')) throw error;
  }
}

function quoted(name: string): string {
  return pg.escapeIdentifier(name);
}
