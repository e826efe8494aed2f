/** Law 3 and the truth of `append`: what it says is what the book holds. */
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
  it('gives back what was written, to the millisecond', async () => {
    const run = nextRun();
    const start = startRow(run, {
      key: 'a "quoted" \\ key, {with} NULL',
      businessDate: '2026-11-30',
      parent: { run: runId(999), task: 'items[3]', attempt: 2 },
      by: { actor: 'Zoë', reason: 'because "so"' },
      createdAt: 1_799_999_999_999,
      wakeAt: Infinity,
    });
    const events = [
      eventRow(run, 0, { type: 'RunStarted', task: null, attempt: null, end: null, at: 1 }),
      eventRow(run, 1, { data: '{"output":"\\u0000 \\" \\\\ ünï 🎼","n":1.50}', task: 'NULL' }),
    ];
    expect(await journal.append(lease, batch({ starts: [start], events }))).toEqual({
      kind: 'committed',
    });
    expect(await journal.load(run)).toEqual({
      summary: {
        id: run,
        workflow: 'w',
        version: 1,
        status: 'running',
        key: start.key,
        businessDate: '2026-11-30',
        parent: start.parent,
        by: start.by,
        createdAt: 1_799_999_999_999,
        tasks: { total: 2, ended: 0, failed: 0 },
      },
      owner: lease.node,
      wakeAt: Infinity,
      events,
    });
  });

  it('updates the view of a run, also one that starts in the same batch', async () => {
    const [early, late] = [nextRun(), nextRun()];
    const ended = { status: 'failed', endedAt: 1_800_000_000_777, ended: 2, failed: 1 } as const;
    await journal.append(lease, batch({ starts: [startRow(early)], events: [eventRow(early, 0)] }));
    await journal.append(
      lease,
      batch({
        starts: [startRow(late)],
        events: [eventRow(late, 0), eventRow(early, 1)],
        updates: [updateRow(late, ended), updateRow(early, { ...ended, wakeAt: 5 })],
      }),
    );
    for (const run of [early, late]) {
      const stored = await journal.load(run);
      expect(stored?.summary).toMatchObject({
        status: 'failed',
        endedAt: 1_800_000_000_777,
        tasks: { total: 2, ended: 2, failed: 1 },
      });
    }
    expect((await journal.load(early))?.wakeAt).toBe(5);
  });

  it('knows nothing of a run that is not there, or of what is no id', async () => {
    expect(await journal.load(runId(12345678))).toBeNull();
    expect(await journal.load("'; drop table runs")).toBeNull();
  });

  it('refuses to change or delete an event', async () => {
    await expect(client.query('delete from events')).rejects.toThrow('append-only');
    await expect(client.query('update events set seq = 1')).rejects.toThrow('append-only');
  });
});

describe('fencing', () => {
  it('writes nothing with an old epoch', async () => {
    const old = await journal.register('main', 60_000, null);
    lease = await journal.register('main', 60_000, null);
    expect(lease.epoch).toBe(old.epoch + 1);
    const run = nextRun();
    const late = batch({ starts: [startRow(run)], events: [eventRow(run, 0)] });
    expect(await journal.append(old, late)).toEqual({ kind: 'fenced' });
    expect(await countEvents(run)).toBe(0);
    expect((await journal.renew(old, 1)).kept).toBe(false);
    expect((await journal.renew(lease, 60_000)).kept).toBe(true);
  });

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

describe('keys', () => {
  it('writes nothing of a batch whose key is taken, and names the run', async () => {
    const [first, second, third] = [nextRun(), nextRun(), nextRun()];
    const keyed = (run: string, key: string) => startRow(run, { key });
    await journal.append(
      lease,
      batch({ starts: [keyed(first, 'k')], events: [eventRow(first, 0)] }),
    );
    const colliding = batch({
      starts: [keyed(third, 'free'), keyed(second, 'k')],
      events: [eventRow(third, 0), eventRow(second, 0), eventRow(first, 1)],
    });
    expect(await journal.append(lease, colliding)).toEqual({ kind: 'key-exists', run: second });
    expect(await countEvents(second)).toBe(0);
    expect(await countEvents(third)).toBe(0);
    expect(await countEvents(first)).toBe(1);
    expect(await journal.load(third)).toBeNull();
  });

  it('names the second of two runs of one batch with one key', async () => {
    const [first, second] = [nextRun(), nextRun()];
    const starts = [startRow(first, { key: 'twice' }), startRow(second, { key: 'twice' })];
    const events = [eventRow(first, 0), eventRow(second, 0)];
    expect(await journal.append(lease, batch({ starts, events }))).toEqual({
      kind: 'key-exists',
      run: second,
    });
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

  it('takes an event of another writer for what it is', async () => {
    const run = nextRun();
    await journal.append(lease, batch({ starts: [startRow(run)], events: [eventRow(run, 0)] }));
    const theirs = batch({ events: [eventRow(run, 0, { data: '{"output":"other"}' })] });
    // The lease is ours: somebody has a wrong memory of this run, and that is no matter of the node.
    expect(await journal.append(lease, theirs)).toMatchObject({ kind: 'refused', runs: [run] });
    const [other] = [nextRun()];
    const mixed = batch({
      starts: [startRow(other)],
      events: [eventRow(other, 0), ...theirs.events],
    });
    expect(await journal.append(lease, mixed)).toMatchObject({ kind: 'refused', runs: [run] });
    expect(await journal.load(other)).toBeNull();
    expect(await journal.append(lease, batch({ events: [eventRow(run, 0)] }))).toEqual({
      kind: 'committed',
    });
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

  it('rejects a value that the database can never take, and goes on', async () => {
    const run = nextRun();
    const bad = batch({ starts: [startRow(run)], events: [eventRow(run, 0, { data: 'no json' })] });
    expect(await journal.append(lease, bad)).toMatchObject({
      kind: 'refused',
      runs: null,
      error: { code: 'write.refused' },
    });
    expect(await journal.load(run)).toBeNull();
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
