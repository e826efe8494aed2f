/** What a job does to the embedded database of its system must not outlive the next start. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { passwordOf } from '../../journal/embedded/password.ts';
import { findClusterPaths } from '../../journal/embedded/cluster-paths.ts';
import { findServer } from '../../journal/embedded/postmaster.ts';
import { type Attacked, underAttack } from './harness.ts';

let attacked: Attacked;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-systems-'));
  const file = join(folder, 'systems.yaml');
  writeFileSync(
    file,
    'ledger: { kind: sql, url: embedded:cases }\nother: { kind: sql, url: embedded:other }\n',
  );
  attacked = await underAttack({ databaseUrl: undefined, systemsFile: file });
});
afterAll(async () => {
  await attacked.close();
  rmSync(folder, { recursive: true, force: true });
});

async function execute(statement: string, system = 'ledger'): Promise<string> {
  const work = `{ system: ${system}, action: sql.execute, with: { statement: ${JSON.stringify(statement)} } }`;
  await attacked.deploy(`workflow: guilty\ntasks:\n  a: ${work}\n`);
  return attacked.ended(await attacked.start('guilty'));
}

async function asSuperuser(statement: string): Promise<void> {
  const place = findClusterPaths(attacked.folder);
  const { sockets: host, port } = findServer(place) ?? {};
  const password = passwordOf(place);
  const client = new pg.Client({ host, port, user: 'tutti', password, database: 'postgres' });
  await client.connect();
  await client.query(statement);
  await client.end();
}

describe('a job that poisons its embedded database', () => {
  it.each([
    ["alter database cases set statement_timeout = '1ms'", 'failed'],
    ["alter role current_user set statement_timeout = '1ms'", 'succeeded'],
    ["alter role current_user password 'x'", 'succeeded'],
  ])('hurts no start, and no job after it: %s', async (poison, how) => {
    expect(await execute(poison)).toBe(how);
    await attacked.restart();
    expect(await execute('create table if not exists kept ()')).toBe('succeeded');
    await attacked.survived();
  });

  it('makes only this system unusable when it cannot be prepared', async () => {
    // A broken one, as no job can leave it: its database is marked as half dropped.
    await asSuperuser("update pg_database set datconnlimit = -2 where datname = 'cases'");
    await attacked.restart();
    expect(attacked.logged.join()).toContain('The system \\"ledger\\" cannot be used');
    expect(attacked.logged.join()).not.toContain('"stack"');
    expect(await execute('select 1 as one')).toBe('failed');
    expect(await execute('select 1 as one', 'other')).toBe('succeeded');
    await attacked.survived();
  });
});
