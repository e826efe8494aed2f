/** Who may connect to the embedded server, and how far a system gets: against the real one. */
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testbed.ts';
import { findClusterPaths } from './cluster-paths.ts';
import { openEmbedded, type EmbeddedServer } from './server.ts';

const LIMIT_MS = 60_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}, LIMIT_MS);

function folder(): string {
  const path = temporaryFolder();
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A folder with a cluster that was made before: making one is most of a start. */
let seed: string | null = null;
async function seeded(): Promise<string> {
  if (seed === null) {
    const first = temporaryFolder();
    await (await openEmbedded(first)).stop();
    seed = first;
  }
  const [from, to] = [findClusterPaths(seed).base, findClusterPaths(folder()).base];
  for (const name of ['cluster', 'password']) execFileSync('cp', ['-a', join(from, name), to]);
  return join(to, '..');
}
afterAll(() => rmSync(seed ?? folder(), { recursive: true, force: true }));

async function open(data: string): Promise<EmbeddedServer> {
  const server = await openEmbedded(data);
  cleanups.push(() => server.stop());
  return server;
}

async function ask(server: EmbeddedServer, text: string): Promise<unknown> {
  const client = new pg.Client(server.connection);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows[0]?.[0];
  } finally {
    await client.end();
  }
}

/** The error's code when somebody connects so and asks. */
async function refusal(connection: pg.ClientConfig, text = 'select 1'): Promise<string> {
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(text);
    return 'none';
  } catch (error) {
    return String((error as { code?: string }).code ?? error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

describe('who may connect', { timeout: LIMIT_MS }, () => {
  const rulesOf = (data: string) => join(findClusterPaths(data).cluster, 'pg_hba.conf');
  const keyOf = (data: string) => join(findClusterPaths(data).base, 'password');

  async function expectShut(server: EmbeddedServer, data: string): Promise<void> {
    expect(await ask(server, 'select 1')).toBe(1);
    expect(await refusal({ ...server.connection, password: 'guessed' })).toBe('28P01');
    expect(readFileSync(rulesOf(data), 'utf8')).not.toMatch(/^[^#\n]*\btrust\b/m);
    expect(statSync(keyOf(data)).mode & 0o777).toBe(0o600);
    expect(statSync(keyOf(data)).uid).toBe(statSync(findClusterPaths(data).base).uid);
    const kept = readdirSync(findClusterPaths(data).base).filter((name) =>
      /verifier|password\./.test(name),
    );
    expect(kept).toEqual([]);
  }

  it('only who knows the password, from the first moment on', async () => {
    const data = folder();
    await expectShut(await open(data), data);
  });

  /** What a crash, a backup or an earlier version may have left. */
  const trusted = (text: string) => text.replaceAll('scram-sha-256', 'trust');
  it.each<[string, (data: string) => void, string | undefined]>([
    ['an earlier version', (data) => rmSync(keyOf(data)), 'alter role tutti password null'],
    ['a kill after the password was made', () => undefined, 'alter role tutti password null'],
    ['a kill after it was set', () => undefined, undefined],
  ])('also after %s', async (_what, leave, statement) => {
    const data = await seeded();
    const before = await openEmbedded(data);
    if (statement !== undefined) await ask(before, statement);
    await before.stop();
    const text = trusted(readFileSync(rulesOf(data), 'utf8'));
    expect(text).toContain('trust');
    writeFileSync(rulesOf(data), text);
    leave(data);
    await expectShut(await open(data), data);
  });

  it.each<[string, (data: string) => void]>([
    ['is lost', (data) => rmSync(keyOf(data))],
    ['is of another cluster', (data) => writeFileSync(keyOf(data), `${'x'.repeat(43)}\n`)],
    ['may be read by others', (data) => chmodSync(keyOf(data), 0o644)],
    [
      'was to be made anew, and it was killed',
      (data) =>
        writeFileSync(
          rulesOf(data),
          `local all all trust # by Tutti, until the password is set\n${readFileSync(rulesOf(data), 'utf8')}`,
        ),
    ],
  ])('also when the password %s', async (_what, lose) => {
    const data = await seeded();
    lose(data);
    await expectShut(await open(data), data);
  });

  it('says what to do with a password that is none', async () => {
    const data = await seeded();
    writeFileSync(keyOf(data), 'short\n');
    await expect(openEmbedded(data)).rejects.toThrow(
      /password does not hold .*Bring the file back/,
    );
  });
});

describe('a system', { timeout: LIMIT_MS }, () => {
  it('has a role that reaches nothing but its own database', async () => {
    const server = await open(await seeded());
    await server.createSystem('other');
    const ledger = await server.createSystem('ledger');
    expect(await server.createSystem('ledger')).toEqual(ledger);
    expect(ledger.user).toBe('ledger');
    const denied = '42501';
    for (const database of ['tutti', 'postgres', 'template1', 'other']) {
      expect(await refusal({ ...ledger, database })).toBe(denied);
    }
    for (const text of [
      "select pg_read_file('/etc/passwd')",
      "copy (select 1) to program 'id'",
      "copy (select 1) to '/tmp/nothing'",
      'create role evil superuser',
      'create database more',
      'set role tutti',
      "select lo_import('/etc/passwd')",
      'select rolpassword from pg_authid',
      "alter system set log_statement = 'all'",
    ]) {
      expect([text, await refusal(ledger, text)]).toEqual([text, denied]);
    }
    expect(await refusal(ledger, 'create table t (); create schema s; drop schema s')).toBe('none');
  });

  it('takes over what the superuser made for it in an earlier version', async () => {
    const server = await open(await seeded());
    const before = await server.createDatabase('ledger');
    const made = `
      create schema books; create table books.t (id serial primary key, n int generated always as identity);
      create view v as select * from books.t; create materialized view m as select 1 as one;
      create sequence s; create type mood as enum ('a'); create type pair as (a int, b int);
      create domain small as int check (value < 9); create type span as range (subtype = int);
      create function f() returns int language sql as 'select 1';
      create procedure p() language sql as 'select 1';
      create aggregate total (int) (sfunc = int4pl, stype = int);
      select lo_create(4711)`;
    expect(await refusal(before, made)).toBe('none');
    const ledger = await server.createSystem('ledger');
    const gone = `
      drop view v; drop materialized view m; drop table books.t; drop schema books; drop sequence s;
      drop function f(); drop procedure p(); drop aggregate total (int); drop type mood; drop type pair;
      drop domain small; drop type span; select lo_unlink(4711)`;
    expect(await refusal(ledger, gone)).toBe('none');
  });

  it('loses what a role of its name had more', async () => {
    const server = await open(await seeded());
    await ask(server, 'create role ledger superuser');
    const ledger = await server.createSystem('ledger');
    expect(await refusal(ledger, "select pg_read_file('/etc/passwd')")).toBe('42501');
  });

  /** What one statement of a job may leave, for itself and for the superuser that enters. */
  it.each([
    "alter database ledger set statement_timeout = '1ms'",
    'alter database ledger connection limit 0',
    'revoke connect on database ledger from public, current_user',
    "alter role current_user password 'x'",
    "alter role current_user set statement_timeout = '1ms'",
    'alter role current_user set default_transaction_read_only = on',
    'alter role current_user in database ledger set default_transaction_read_only = on',
  ])('is as before at the next start, whatever it did: %s', async (poison) => {
    const server = await open(await seeded());
    const ledger = await server.createSystem('ledger');
    const before = await refusal(ledger, poison);
    expect(['none', '42501']).toContain(before);
    expect(await server.createSystem('ledger')).toEqual(ledger);
    const work =
      'create table t (); create schema s; create extension hstore; create temp table u ()';
    expect(await refusal(ledger, work)).toBe('none');
    await ask(server, 'alter database ledger owner to ledger');
    expect(await refusal(ledger, poison)).toMatch(/none|01006/);
    expect(await server.createSystem('ledger')).toEqual(ledger);
    expect(await refusal(ledger, 'drop table t; create table public.t (); drop schema s')).toBe(
      'none',
    );
  });

  const EVIL = `
    create function public.evil(name, text) returns boolean language plpgsql as $$ begin
      if (select rolsuper from pg_catalog.pg_roles where rolname operator(pg_catalog.=) current_user)
      then alter role ledger superuser; end if;
      return $1::text operator(pg_catalog.!~) $2; end $$;
    create operator public.!~ (leftarg = name, rightarg = text, function = public.evil)`;
  const LURE = 'alter database ledger set search_path = public, pg_catalog';

  it('lends the superuser no operator of its own', async () => {
    const server = await open(await seeded());
    const ledger = await server.createSystem('ledger');
    expect(await refusal(ledger, EVIL)).toBe('none');
    expect(await refusal(ledger, LURE)).toBe('42501');
    // As an earlier version left them: the role owned its database, or the superuser did.
    for (const owner of ['ledger', 'tutti']) {
      await ask(server, `alter database ledger owner to ${owner}`);
      await ask(server, LURE);
      await server.createSystem('ledger');
      expect(await refusal(ledger, "select pg_read_file('/etc/passwd')")).toBe('42501');
      expect(await refusal(ledger, LURE)).toBe('42501');
    }
  });

  it('does not get the superuser to enter again by giving up its rights', async () => {
    const server = await open(await seeded());
    const ledger = await server.createSystem('ledger');
    expect(await refusal(ledger, 'drop owned by current_user')).toBe('none');
    expect(await server.createSystem('ledger')).toEqual(ledger);
    expect(await refusal(ledger, 'create schema public; create table public.t ()')).toBe('none');
    const owner = "select pg_get_userbyid(datdba)::text from pg_database where datname = 'ledger'";
    expect(await ask(server, owner)).toBe('tutti-systems');
  });
});
