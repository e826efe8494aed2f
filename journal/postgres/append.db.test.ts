/** Appends over connections that are lost, and beside others: what is said is what the journal holds. */
import { createServer, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import {
  batch,
  eventRow,
  openTestbed,
  runId,
  startRow,
  temporaryFolder,
  until,
  updateRow,
  type Testbed,
} from '../testbed.ts';

let bed: Testbed;
let journal: Journal;
let connection: pg.ClientConfig;
let client: pg.Client;
let lease: NodeLease;
let runs = 0;
const nextRun = (): string => runId(++runs);

beforeAll(async () => {
  bed = await openTestbed();
  ({ journal, connection } = await bed.journal());
  client = await bed.client(connection);
  lease = await journal.register('main', 60_000, 'http://127.0.0.1:7700');
}, 60_000);
afterAll(() => bed.close(), 60_000);

async function countEvents(run: string): Promise<number> {
  const { rows } = await client.query('select count(*)::int as n from events where run_id = $1', [
    run,
  ]);
  return rows[0].n as number;
}

describe('what a run costs', () => {
  it('is an entry in few indexes: each is written when it begins and when it ends', async () => {
    const run = nextRun();
    await journal.append(lease, batch({ starts: [startRow(run)] }));
    const { rows: indexes } = await client.query<{ name: string; condition: string }>(`
select indexrelid::regclass::text as name, coalesce(pg_get_expr(indpred, indrelid), 'true') as condition
from pg_index where indrelid = 'runs'::regclass order by name`);
    const holds = indexes.map(({ name, condition }) => `${condition} as ${name}`).join(', ');
    const { rows } = await client.query(`select ${holds} from runs where id = $1`, [run]);
    const written = indexes.filter(({ name }) => rows[0][name] === true).map(({ name }) => name);
    expect(written).toEqual(['runs_active', 'runs_of_status', 'runs_of_workflow', 'runs_pkey']);
  });
});

describe('append and load', () => {
  it('refuses to change or delete an event', async () => {
    await expect(client.query('delete from events')).rejects.toThrow('append-only');
    await expect(client.query('update events set seq = 1')).rejects.toThrow('append-only');
  });
});

describe('fencing', () => {
  it('waits for a take-over under way, and is fenced by it', async () => {
    const other = await journal.register('other', 60_000, null);
    await client.query('begin');
    await client.query('update nodes set epoch = epoch + 1 where id = $1', [other.node]);
    const run = nextRun();
    const answer = journal.append(
      other,
      batch({ starts: [startRow(run)], events: [eventRow(run, 0)] }),
    );
    const watcher = await bed.client(connection);
    await until(async () => {
      const { rowCount } = await watcher.query(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%fence%' and pid <> pg_backend_pid()",
      );
      return rowCount === 1;
    });
    await client.query('commit');
    expect(await answer).toEqual({ kind: 'fenced' });
    expect(await countEvents(run)).toBe(0);
    lease = await journal.register('main', 60_000, null);
  });
});

/** Stands between journal and server, and cuts the connection at the worst moment. */
async function openProxy(to: string): Promise<{
  folder: string;
  cut: (when: 'before' | 'after') => void;
  close: () => void;
}> {
  const folder = temporaryFolder();
  let cutting: 'before' | 'after' | null = null;
  const proxy = createServer((near: Socket) => {
    const far = connect(to);
    const end = (): void => {
      cutting = null;
      near.destroy();
      far.destroy();
    };
    near.on('data', (data) => (cutting === 'before' ? end() : far.write(data)));
    far.on('data', (data) => (cutting === 'after' ? end() : near.write(data)));
    for (const socket of [near, far]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => proxy.listen(join(folder, '.s.PGSQL.5432'), resolve));
  return {
    folder,
    cut: (when) => {
      cutting = when;
    },
    close: () => proxy.close(),
  };
}

const TERMINATE_ONE = `
select pg_terminate_backend(pid) from pg_stat_activity
where query like '%fence%' and datname = current_database() and pid <> pg_backend_pid()
order by state = 'active' desc limit 1`;

describe('lost connections', () => {
  it.each(['before', 'after'] as const)('tells the truth when cut %s the commit', async (when) => {
    const database = await bed.database();
    const proxy = await openProxy(join(String(database.host), '.s.PGSQL.5432'));
    const through = await bed.journal({
      connection: { ...database, host: proxy.folder },
      connections: 1,
    });
    const mine = await through.journal.register('main', 60_000, null);
    const run = nextRun();
    const first = batch({ starts: [startRow(run, { key: 'k' })], events: [eventRow(run, 0)] });
    await through.journal.append(mine, first);
    proxy.cut(when);
    const next = batch({ events: [eventRow(run, 1)], updates: [updateRow(run)] });
    expect(await through.journal.append(mine, next)).toEqual({ kind: 'committed' });
    expect((await through.journal.load(run))?.events.map((event) => event.seq)).toEqual([0, 1]);
    await through.journal.close();
    proxy.close();
  });

  it('loses and doubles nothing while its backends are terminated', async () => {
    const ids = Array.from({ length: 3 }, nextRun);
    for (const run of ids) {
      await journal.append(lease, batch({ starts: [startRow(run)], events: [eventRow(run, 0)] }));
    }
    let acknowledged = 0;
    const lanes = ids.map(async (run) => {
      for (let seq = 1; seq <= 40; seq++) {
        const result = await journal.append(lease, batch({ events: [eventRow(run, seq)] }));
        expect(result).toEqual({ kind: 'committed' });
        acknowledged++;
      }
    });
    let terminated = 0;
    while (acknowledged < 120) {
      const before = acknowledged;
      const { rowCount } = await client.query(TERMINATE_ONE);
      terminated += rowCount ?? 0;
      // Progress between two blows, or the test would only test patience.
      await until(() => acknowledged > before || acknowledged === 120);
    }
    await Promise.all(lanes);
    expect(terminated).toBeGreaterThan(0);
    for (const run of ids) expect(await countEvents(run)).toBe(41);
    expect(journal.stalls()).toEqual([]);
  });
});

it('rejects what is under way when it is closed', async () => {
  const { journal: closing, connection: own } = await bed.journal({ connections: 1 });
  const mine = await closing.register('main', 60_000, null);
  const blocker = await bed.client(own);
  await blocker.query('begin');
  await blocker.query('lock table events in exclusive mode');
  const run = nextRun();
  const answers = [0, 1].map((seq) =>
    closing.append(mine, batch({ events: [eventRow(run, seq)] })).catch((error: unknown) => error),
  );
  await closing.close();
  for (const answer of await Promise.all(answers)) {
    expect(answer).toMatchObject({ code: 'node.stopping' });
  }
});
