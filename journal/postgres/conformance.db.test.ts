/** PostgreSQL answers the port as its suites say: the embedded one, and the machine's where there is one. */
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { conformance } from '../conformance.suite.ts';
import { withOtherServers } from '../../tests/servers.ts';
import type { Candidate } from '../embedded/binaries.ts';
import type { Journal } from '../journal.ts';
import { openTestbed, type Testbed } from '../testbed.ts';

/** What the migrations write stays. */
const EMPTIED = `
select string_agg(quote_ident(tablename), ', ') as tables from pg_tables
where schemaname = current_schema() and tablename not in ('migrations', 'node_key')`;

function conforms(candidates?: readonly Candidate[]): void {
  let bed: Testbed;
  let connection: pg.ClientConfig;
  let empty: () => Promise<void>;
  /** Of the test that runs: the server has room for so many connections. */
  const opened: Journal[] = [];
  const open = async (): Promise<Journal> => {
    const { journal } = await bed.journal({ connection });
    opened.push(journal);
    return journal;
  };
  beforeAll(async () => {
    bed = await openTestbed(candidates === undefined ? {} : { candidates });
    connection = await bed.database();
    await (await open()).close();
    const client = await bed.client(connection);
    const { rows } = await client.query<{ tables: string }>(EMPTIED);
    // The events refuse to be emptied, by a trigger.
    await client.query('set session_replication_role = replica');
    empty = async () => void (await client.query(`truncate ${rows[0]?.tables} restart identity`));
  }, 60_000);
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((journal) => journal.close()));
    await empty();
  });
  afterAll(() => bed.close(), 60_000);

  conformance(async () => ({ journal: await open(), beside: open }));
}

describe('the embedded PostgreSQL', () => {
  conforms();
});

withOtherServers(conforms);
