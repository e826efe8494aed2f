/**
 * A system in the embedded server has a role and a database of its own: it uses what is in there,
 * and reaches nothing else, neither Tutti's journal nor the files and programs of the machine.
 *
 * A system shapes what is inside its database: functions, operators, settings. So the superuser
 * does not enter it. A role that cannot log in owns it, which is also the mark that all is done:
 *
 *   owner is the superuser   an earlier version ran the system as superuser: it is handed over
 *   owner is the role        as it is made, or left by an earlier version: `public` becomes the role's
 *   owner is the keeper      only what is set from outside is set again, as at each start
 *
 * Every step looks first, so it can be taken again after a crash in its middle, at each start; a
 * lock keeps two processes apart.
 */
import pg from 'pg';
import { SUPERUSER } from './cluster.ts';

/** On a connection to the database `postgres`, which no system enters, unless it says otherwise. */
export type Ask = (text: string, values?: unknown[]) => Promise<unknown[]>;

type Enter = (work: (inside: Ask) => Promise<void>) => Promise<void>;

interface SystemRole {
  /** Of the role and of its database. */
  readonly name: string;
  /** Of its password, as PostgreSQL keeps it. */
  readonly verifier: string;
  /** Into its database. */
  readonly enterAsSuperuser: Enter;
  readonly enterAsItself: Enter;
}

/** Owns the databases of systems. No system has a name like this. */
const KEEPER = 'tutti-systems';
const SYSTEMS_LOCK = 7_487_884;

/** Another process did the same at the same moment. */
const DONE_BY_OTHERS = new Set(['42P04', '42710', '23505']);
/** The system dropped its schema `public`, or it is not the owner's (PostgreSQL 14): it keeps its rights. */
const NOT_ITS_OWN = new Set(['3F000', '42501']);

const BOUNDS = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls';

/** Sets the password of a role that is there; `verifier` as PostgreSQL keeps it. */
export async function setPassword(ask: Ask, role: string, verifier: string): Promise<void> {
  const known = await ask('select 1 from pg_authid where rolname = $1 and rolpassword = $2', [
    role,
    verifier,
  ]);
  if (known.length > 0) return;
  await ask(`alter role ${quoted(role)} password ${pg.escapeLiteral(verifier)}`);
}

export async function makeDatabase(ask: Ask, name: string, owner: string): Promise<void> {
  const known = await ask('select 1 from pg_database where datname = $1', [name]);
  if (known.length > 0) return;
  await unlessDone(ask, `create database ${quoted(name)} owner ${quoted(owner)}`);
}

/** Only its owner and superusers may connect to it. */
export async function shut(ask: Ask, names: readonly string[]): Promise<void> {
  const open = (await ask(
    "select datname from pg_database where datname = any($1) and has_database_privilege('public', oid, 'connect')",
    [names],
  )) as { datname: string }[];
  for (const { datname } of open)
    await ask(`revoke all on database ${quoted(datname)} from public`);
}

/** Two processes may start at once. It ends with the connection. */
export async function lockSystems(ask: Ask): Promise<void> {
  await ask('select pg_advisory_lock($1)', [SYSTEMS_LOCK]);
}

/** Makes what is missing, and takes back what the system has set for itself. */
export async function prepareSystem(ask: Ask, system: SystemRole): Promise<void> {
  const { name } = system;
  await lockSystems(ask);
  await makeRole(ask, system);
  await makeDatabase(ask, name, name);
  await forgetSettings(ask, name);
  await admit(ask, name);
  const owner = await ownerOf(ask, name);
  if (owner === KEEPER) return;
  if (owner === SUPERUSER) await system.enterAsSuperuser((inside) => handOver(inside, name));
  if (owner !== name) await ask(`alter database ${quoted(name)} owner to ${quoted(name)}`);
  await system.enterAsItself((inside) => keepPublic(inside, name));
  await ask(`alter database ${quoted(name)} owner to ${quoted(KEEPER)}`);
  // The rights of an owner go to the next one.
  await admit(ask, name);
}

async function makeRole(ask: Ask, { name, verifier }: SystemRole): Promise<void> {
  const roles = (await ask(
    `select rolname, rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls or not rolcanlogin as above
     from pg_roles where rolname in ($1, $2)`,
    [name, KEEPER],
  )) as { rolname: string; above: boolean }[];
  const role = roles.find(({ rolname }) => rolname === name);
  if (roles.every(({ rolname }) => rolname !== KEEPER)) {
    await ask(`create role ${quoted(KEEPER)} nologin`);
  }
  if (role === undefined) await ask(`create role ${quoted(name)} ${BOUNDS}`);
  else if (role.above) await ask(`alter role ${quoted(name)} ${BOUNDS}`);
  await setPassword(ask, name, verifier);
}

/** What the role may set for itself, and could set for its database when it owned it. */
async function forgetSettings(ask: Ask, name: string): Promise<void> {
  const kept = (await ask(
    `select format(case when setrole = 0 then 'alter database %2$I reset all'
         when setdatabase = 0 then 'alter role %1$I reset all'
         else 'alter role %1$I in database %2$I reset all' end,
       pg_get_userbyid(setrole), datname) as statement
     from pg_db_role_setting left join pg_database on pg_database.oid = setdatabase
     where pg_get_userbyid(setrole) = $1 or datname = $1`,
    [name],
  )) as { statement: string }[];
  for (const { statement } of kept) await ask(statement);
}

async function admit(ask: Ask, name: string): Promise<void> {
  const admitted = await ask(
    `select 1 from pg_database where datname = $1 and datallowconn and datconnlimit = -1 and not datistemplate
       and has_database_privilege($1, oid, 'connect') and has_database_privilege($1, oid, 'create')
       and has_database_privilege($1, oid, 'temporary') and not has_database_privilege('public', oid, 'connect')`,
    [name],
  );
  if (admitted.length > 0) return;
  const database = quoted(name);
  await ask(
    `alter database ${database} allow_connections true connection limit -1 is_template false`,
  );
  await shut(ask, [name]);
  await ask(`grant connect, create, temporary on database ${database} to ${database}`);
}

async function ownerOf(ask: Ask, database: string): Promise<string | undefined> {
  const found = await ask(
    'select pg_get_userbyid(datdba)::text as owner from pg_database where datname = $1',
    [database],
  );
  const [row] = found as { owner: string }[];
  return row?.owner;
}

/** Until now it was the role's because the database was. */
async function keepPublic(inside: Ask, name: string): Promise<void> {
  try {
    await inside(`alter schema public owner to ${quoted(name)}`);
  } catch (error) {
    if (!NOT_ITS_OWN.has((error as { code?: string }).code ?? '')) throw error;
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

async function handOver(inside: Ask, owner: string): Promise<void> {
  const all = (await inside(SUPERUSERS)) as { name: string }[];
  for (const { name } of all) await inside(`alter ${name} owner to ${quoted(owner)}`);
}

async function unlessDone(ask: Ask, text: string): Promise<void> {
  try {
    await ask(text);
  } catch (error) {
    if (!DONE_BY_OTHERS.has((error as { code?: string }).code ?? '')) throw error;
  }
}

function quoted(name: string): string {
  return pg.escapeIdentifier(name);
}
