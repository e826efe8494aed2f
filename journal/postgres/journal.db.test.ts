/** The rest of the port: leases, sleeping runs, logs, versions, and what people list. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import type { Definition } from '../../model/definition.ts';
import type { Journal, LogRow, NodeLease } from '../journal.ts';
import {
  batch,
  eventRow,
  openTestbed,
  runId,
  startRow,
  until,
  updateRow,
  type Testbed,
} from '../testbed.ts';

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
}, 60_000);
afterAll(() => bed.close(), 60_000);

async function fresh(): Promise<{
  journal: Journal;
  lease: NodeLease;
  connection: pg.ClientConfig;
}> {
  const { journal, connection } = await bed.journal();
  return { journal, connection, lease: await journal.register('main', 60_000, null) };
}

async function start(
  journal: Journal,
  lease: NodeLease,
  runs: readonly Parameters<typeof startRow>[1][],
): Promise<string[]> {
  const starts = runs.map((over, n) => startRow(runId(n), over));
  const events = starts.map((run) => eventRow(run.id, 0));
  expect(await journal.append(lease, batch({ starts, events }))).toEqual({ kind: 'committed' });
  return starts.map((run) => run.id);
}

describe('leases', () => {
  it('hands the open runs of a node whose lease ended to another, and fences it', async () => {
    const { journal, lease, connection } = await fresh();
    const [active, sleeping, ended] = await start(journal, lease, [{}, { wakeAt: 5 }, {}]);
    const end = updateRow(ended ?? '', { status: 'succeeded', endedAt: 9 });
    await journal.append(lease, batch({ updates: [end] }));
    const { journal: second } = await bed.journal({ connection });
    const heir = await second.register('heir', 60_000, 'http://heir');
    expect(await second.bury(heir)).toBe(0);
    expect((await journal.renew(lease, -1)).kept).toBe(true);
    expect(await second.bury(heir)).toBe(1);
    expect((await second.claim(heir, 5, 10)).runs).toEqual([active, sleeping]);
    expect(await second.activeRuns(heir, null, 10)).toEqual([active, sleeping]);
    expect(await second.dueRuns(heir, 5, 10)).toEqual({ due: [], nextAt: null });
    expect((await second.load(ended ?? ''))?.owner).toBe(lease.node);
    const late = batch({ events: [eventRow(active ?? '', 1)] });
    expect(await journal.append(lease, late)).toEqual({ kind: 'fenced' });
    expect((await journal.renew(lease, 60_000)).kept).toBe(false);
    expect(await second.bury(heir)).toBe(0);
  });

  it('gives a lease back', async () => {
    const { journal, lease, connection } = await fresh();
    await start(journal, lease, [{}]);
    await journal.resign(lease);
    expect(await journal.append(lease, batch({}))).toEqual({ kind: 'fenced' });
    const { journal: second } = await bed.journal({ connection });
    const heir = await second.register('heir', 60_000, 'http://heir');
    expect((await second.claim(heir, 5, 10)).runs).toHaveLength(1);
    const nodes = await second.views.nodes();
    expect(nodes.map(({ name, url }) => [name, url])).toEqual([
      ['main', null],
      ['heir', 'http://heir'],
    ]);
    expect(nodes[0]?.leaseUntil).toBe(0);
    expect(nodes[1]?.leaseUntil).toBeGreaterThan(1e12);
  });

  it('is fenced when another process took its name while its lock was away', async () => {
    const { journal, lease, connection } = await fresh();
    const client = await bed.client(connection);
    await client.query(LOCK_IS_TAKEN_OVER);
    await until(async () => !(await journal.renew(lease, 60_000)).kept);
    expect(await journal.append(lease, batch({}))).toEqual({ kind: 'fenced' });
  });

  it('answers sleeping runs in order, with the next time', async () => {
    const { journal, lease } = await fresh();
    const [late, early, never, next] = await start(journal, lease, [
      { wakeAt: 200 },
      { wakeAt: 100 },
      { wakeAt: Infinity },
      { wakeAt: 300 },
    ]);
    expect(await journal.dueRuns(lease, 250, 10)).toEqual({ due: [early, late], nextAt: 300 });
    expect(await journal.dueRuns(lease, 300, 1)).toEqual({ due: [early], nextAt: null });
    expect(await journal.activeRuns(lease, null, 10)).toEqual([]);
    const wake = [never, next].map((run) => updateRow(run ?? ''));
    await journal.append(lease, batch({ updates: wake }));
    expect(await journal.activeRuns(lease, null, 1)).toEqual([never]);
    expect(await journal.activeRuns(lease, never ?? '', 9)).toEqual([next]);
  });
});

/** Ends the session that holds a node's lock, and has the lock before it can come back. */
const LOCK_IS_TAKEN_OVER = `
do $$
declare holder record;
begin
  select pid, classid, objid into holder from pg_locks
  where locktype = 'advisory' and granted and pid <> pg_backend_pid()
    and database = (select oid from pg_database where datname = current_database());
  perform pg_terminate_backend(holder.pid);
  perform pg_advisory_lock(holder.classid::int, holder.objid::int);
end $$`;

describe('crash of the server', () => {
  it('loses nothing that was acknowledged when the postmaster is killed', async () => {
    const { journal, lease } = await fresh();
    const runs = await start(journal, lease, [{}, {}, {}]);
    let acknowledged = 0;
    const lanes = runs.map(async (run) => {
      for (let seq = 1; seq <= 50; seq++) {
        const result = await journal.append(lease, batch({ events: [eventRow(run, seq)] }));
        expect(result).toEqual({ kind: 'committed' });
        acknowledged++;
      }
    });
    await until(() => acknowledged >= 30);
    const file = join(bed.server.folder, 'cluster/postmaster.pid');
    process.kill(Number(readFileSync(file, 'utf8').split('\n')[0]), 'SIGKILL');
    await Promise.all(lanes);
    for (const run of runs) {
      const seqs = (await journal.load(run))?.events.map((event) => event.seq);
      expect(seqs).toEqual(Array.from({ length: 51 }, (_, seq) => seq));
    }
    // The node's lock is held again by the same process.
    expect((await journal.renew(lease, 60_000)).kept).toBe(true);
    expect(journal.stalls()).toEqual([]);
  }, 60_000);
});

describe('logs', () => {
  const row = (position: number, over: Partial<LogRow> = {}): LogRow => ({
    run: runId(0),
    task: 'b',
    attempt: 1,
    position,
    stream: 'out',
    at: 1_800_000_000_001,
    text: `line ${position}\n`,
    cursor: null,
    ...over,
  });

  it('keeps a position once, and knows where to read on', async () => {
    const { journal } = await fresh();
    expect(await journal.logEnd(runId(0), 'b', 1)).toEqual({
      position: 0,
      cursor: null,
      bytes: 0,
    });
    await journal.appendLogs([row(0), row(1, { cursor: { offset: 14 } }), row(2)]);
    await journal.appendLogs([row(1, { text: 'again' }), row(3, { text: 'NUL \0 "\\' })]);
    expect(await journal.logEnd(runId(0), 'b', 1)).toEqual({
      position: 4,
      cursor: { offset: 14 },
      bytes: 3 * 7 + 10,
    });
    const page = await journal.views.logs({ run: runId(0), task: 'b', limit: 10 });
    expect(page.items.map((each) => each.text)).toEqual([
      'line 0\n',
      'line 1\n',
      'line 2\n',
      'NUL \ufffd "\\',
    ]);
    expect(page.items[1]).toEqual(row(1, { cursor: { offset: 14 } }));
  });

  it('pages a task by position and a run by arrival', async () => {
    const { journal } = await fresh();
    await journal.appendLogs([row(0, { attempt: 2, at: 5 }), row(0, { task: 'a', at: 9 })]);
    await journal.appendLogs([row(0), row(1, { at: 1 })]);
    const read = async (filter: { task?: string; attempt?: number }): Promise<string[]> => {
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await journal.views.logs({
          run: runId(0),
          limit: 1,
          ...filter,
          ...(after === undefined ? {} : { after }),
        });
        seen.push(...page.items.map((each) => `${each.task}${each.attempt}.${each.position}`));
        if (page.next === null) return seen;
        after = page.next;
      }
    };
    expect(await read({})).toEqual(['b2.0', 'a1.0', 'b1.0', 'b1.1']);
    expect(await read({ task: 'b' })).toEqual(['b1.0', 'b1.1', 'b2.0']);
    expect(await read({ task: 'b', attempt: 1 })).toEqual(['b1.0', 'b1.1']);
  });

  it('pages by size, too, and says when there is more', async () => {
    const { journal } = await fresh();
    const text = 'x'.repeat(64 * 1024);
    await journal.appendLogs(Array.from({ length: 40 }, (_, position) => row(position, { text })));
    const sizes: number[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const page = await journal.views.logs({
        run: runId(0),
        limit: 500,
        ...(after === undefined ? {} : { after }),
      });
      sizes.push(page.items.length);
      after = page.next ?? undefined;
      more = page.more;
    }
    expect(sizes).toEqual([16, 16, 8]);
    const page = await journal.views.logs({ run: runId(0), task: 'b', limit: 3 });
    expect(page).toMatchObject({ more: true, items: { length: 3 } });
  });

  it('writes more than one statement takes', async () => {
    const { journal } = await fresh();
    await journal.appendLogs(Array.from({ length: 4_100 }, (_, position) => row(position)));
    expect((await journal.logEnd(runId(0), 'b', 1)).position).toBe(4_100);
  });
});

describe('versions', () => {
  const definition: Definition = {
    name: 'w',
    title: 'Work',
    inputs: {},
    tasks: [],
    edges: [],
    pools: { gpu: 2 },
  };
  const row = {
    workflow: 'w',
    definition,
    source: 'workflow: w',
    directory: '/work',
    deployedAt: 1_800_000_000_000,
    by: { actor: 'tester' },
  };

  it('stores a version once, and gives its pools the size that it says', async () => {
    const { journal } = await fresh();
    expect(await journal.version('w', null)).toBeNull();
    expect(await journal.deploy(row)).toEqual({ version: 1, changed: true });
    const again = { ...row, deployedAt: row.deployedAt + 1 };
    expect(await journal.deploy(again)).toEqual({ version: 1, changed: false });
    const lower = {
      ...again,
      source: 'w2',
      definition: { ...definition, pools: { gpu: 1, x: 9 } },
    };
    expect(await journal.deploy(lower)).toEqual({ version: 2, changed: true });
    expect(await journal.version('w', 1)).toEqual({ ...row, version: 1 });
    expect((await journal.version('w', null))?.version).toBe(2);
    expect(await journal.pools()).toMatchObject([
      { name: 'w/gpu', capacity: 1, workflow: 'w' },
      { name: 'w/x', capacity: 9, workflow: 'w' },
    ]);
    const first = await journal.views.versions('w', null, 1);
    const second = await journal.views.versions('w', first.next, 1);
    expect([...first.items, ...second.items].map((each) => each.version)).toEqual([2, 1]);
    expect(second.next).toBeNull();
    expect(second.items[0]).not.toHaveProperty('definition');
    expect(second.items[0]).not.toHaveProperty('source');
  });

  it('knows a large definition again by its meaning, whatever its form of text', async () => {
    const { journal, connection } = await fresh();
    const tasks = Array.from({ length: 600 }, (_, at) => ({ name: `t${at}`, note: 'a\nb' }));
    const large = {
      ...row,
      definition: { name: 'w', inputs: {}, tasks, edges: [], pools: {}, title: 'Work' } as never,
    };
    expect(await journal.deploy(large)).toEqual({ version: 1, changed: true });
    const client = await bed.client(connection);
    await client.query('update versions set definition = $1', [JSON.stringify(large.definition)]);
    const again = { ...large, deployedAt: row.deployedAt + 1 };
    expect(await journal.deploy(again)).toEqual({ version: 1, changed: false });
    const other = { ...again, definition: { ...definition, title: 'Other' } };
    expect(await journal.deploy(other)).toEqual({ version: 2, changed: true });
  });

  it('gives two deployments at once two versions', async () => {
    const { journal } = await fresh();
    const sources = ['a', 'b', 'c'].map((source) => journal.deploy({ ...row, source }));
    const numbers = (await Promise.all(sources)).map((each) => each?.version ?? 0);
    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  it('stores one of two deployments that were checked beside each other', async () => {
    const { journal } = await fresh();
    const both = await Promise.all([
      journal.deploy({ ...row, workflow: 'a' }, new Map([['b', 0]])),
      journal.deploy({ ...row, workflow: 'b' }, new Map([['a', 0]])),
    ]);
    expect(both.filter((each) => each === null)).toHaveLength(1);
    const stored = both[0] === null ? 'b' : 'a';
    const other = both[0] === null ? 'a' : 'b';
    expect(await journal.version(other, null)).toBeNull();
    expect(await journal.deploy({ ...row, workflow: other }, new Map([[stored, 1]]))).toEqual({
      version: 1,
      changed: true,
    });
  });

  it('pages workflows by name', async () => {
    const { journal } = await fresh();
    for (const workflow of ['b', 'c', 'a']) await journal.deploy({ ...row, workflow });
    const first = await journal.views.workflows(null, 2);
    expect(first.items.map((each) => each.name)).toEqual(['a', 'b']);
    expect(first.items[0]).toEqual({
      name: 'a',
      title: 'Work',
      owner: null,
      version: 1,
      deployedAt: row.deployedAt,
    });
    const second = await journal.views.workflows(first.next, 2);
    expect(second).toMatchObject({ items: [{ name: 'c' }], next: null });
  });
});

describe('views of runs', () => {
  it('pages newest first under every filter, ties by id', async () => {
    const { journal, lease } = await fresh();
    const ids = await start(journal, lease, [
      { createdAt: 100, workflow: 'v', key: 'k' },
      { createdAt: 300, status: 'held' },
      { createdAt: 200, workflow: 'v', wakeAt: Infinity },
      { createdAt: 200, parent: { run: runId(9), task: 't', attempt: 1 } },
    ]);
    const end = updateRow(ids[2] ?? '', { status: 'failed', endedAt: 400 });
    await journal.append(lease, batch({ updates: [end] }));
    const read = async (filter: object): Promise<number[]> => {
      const seen: number[] = [];
      for (let after: string | undefined; ; ) {
        const page = await journal.views.runs({
          limit: 1,
          ...filter,
          ...(after === undefined ? {} : { after }),
        });
        seen.push(...page.items.map((run) => ids.indexOf(run.id)));
        if (page.next === null) return seen;
        after = page.next;
      }
    };
    expect(await read({})).toEqual([1, 3, 2, 0]);
    expect(await read({ workflow: 'v' })).toEqual([2, 0]);
    expect(await read({ statuses: ['running'] })).toEqual([3, 0]);
    expect(await read({ statuses: ['failed', 'held'] })).toEqual([1, 2]);
    expect(await read({ parent: runId(9) })).toEqual([3]);
    expect(await read({ key: 'k' })).toEqual([0]);
    expect(await read({ parent: 'nobody' })).toEqual([]);
  });

  it('refuses what is no cursor of this list', async () => {
    const { journal } = await fresh();
    for (const after of ['', 'x', 'W10', Buffer.from('[1,2]').toString('base64url')]) {
      const refused = journal.views.runs({ limit: 1, after });
      await expect(refused).rejects.toMatchObject({ code: 'request.invalid' });
    }
  });

  it('finds runs by prefix, and events after a position', async () => {
    const { journal, lease } = await fresh();
    const ids = await start(journal, lease, [{}, {}, {}]);
    expect(await journal.views.runsByPrefix('0199A000-0000')).toEqual(ids.slice(0, 2));
    expect(await journal.views.runsByPrefix(ids[2] ?? '')).toEqual([ids[2]]);
    expect(await journal.views.runsByPrefix("0199'; --")).toEqual([]);
    await journal.append(lease, batch({ events: [eventRow(ids[0] ?? '', 1)] }));
    expect(await journal.views.events(ids[0] ?? '', 0, 10)).toEqual([eventRow(ids[0] ?? '', 1)]);
    expect(await journal.views.run(ids[0] ?? '')).toMatchObject({ id: ids[0] });
    await journal.views.ping();
  });
});
