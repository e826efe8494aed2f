/** Retention on PostgreSQL: large families, rows that others hold, archives. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import type { RetentionRow, RetentionScope } from '../retentions.ts';
import { openTestbed, runId, temporaryFolder, type Testbed } from '../testbed.ts';
import { make, OLD, SCOPE } from '../retentions.fixture.ts';
import { MEMBERS } from './families.ts';

let bed: Testbed;
let journal: Journal;
let lease: NodeLease;
let client: pg.Client;
let folder: string;
let count = 0;
beforeAll(async () => {
  bed = await openTestbed();
  folder = temporaryFolder();
}, 60_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await bed.close();
}, 60_000);
beforeEach(async () => {
  const opened = await bed.journal();
  ({ journal } = opened);
  client = await bed.client(opened.connection);
  lease = await journal.register('main', 60_000, null);
});

async function retain(over: Partial<RetentionScope> = {}): Promise<RetentionRow> {
  const id = runId(90_000 + count++);
  await journal.retentions.create(lease, { id, scope: { ...SCOPE, ...over }, by: { actor: 'me' } });
  while ((await journal.retentions.portion(lease, id)).more);
  return (await journal.retentions.find(id)) as RetentionRow;
}

async function left(table: string, column = 'id'): Promise<number[]> {
  const text = `select distinct right(${column}::text, 12) as run from ${table} order by 1`;
  return (await client.query<{ run: string }>(text)).rows.map(({ run }) =>
    Number.parseInt(run, 16),
  );
}

describe('what goes', () => {
  it('is a family that is larger than a portion, its top last', async () => {
    const children = Array.from({ length: MEMBERS + 50 }, () => ({ under: 1 }));
    await make({ journal, lease }, [
      {},
      ...children,
      { end: null },
      { under: children.length + 2 },
    ]);
    const dry = await retain({ applies: false });
    const id = runId(80_000);
    await journal.retentions.create(lease, { id, scope: SCOPE, by: { actor: 'me' } });
    await journal.retentions.portion(lease, id);
    const some = await left('runs');
    expect(some).toContain(1);
    expect(some.length).toBeLessThan(children.length);
    while ((await journal.retentions.portion(lease, id)).more);
    expect(await left('runs')).toEqual([children.length + 2, children.length + 3]);
    const total = { runs: children.length + 1, logs: children.length + 1 };
    expect(dry.counts).toMatchObject(total);
    expect((await journal.retentions.find(id))?.counts).toMatchObject(total);
  }, 60_000);

  it('is hundreds of runs at a time, whatever their number in a few statements', async () => {
    await make(
      { journal, lease },
      Array.from({ length: 600 }, () => ({})),
    );
    const id = runId(83_000);
    await journal.retentions.create(lease, { id, scope: SCOPE, by: { actor: 'me' } });
    const asked = vi.spyOn(pg.Client.prototype, 'query');
    await journal.retentions.portion(lease, id);
    expect(asked.mock.calls.length).toBeLessThan(15);
    asked.mockRestore();
    expect((await journal.retentions.find(id))?.counts).toMatchObject({ runs: 500, looked: 500 });
  }, 60_000);

  it('is no more of a large family when a run of it is restarted meanwhile', async () => {
    const children = Array.from({ length: MEMBERS + 700 }, () => ({ under: 1 }));
    await make({ journal, lease }, [{}, ...children]);
    const id = runId(81_000);
    await journal.retentions.create(lease, { id, scope: SCOPE, by: { actor: 'me' } });
    await journal.retentions.portion(lease, id);
    const some = await left('runs');
    const open = 'update runs set ended_at = null where id = $1';
    await client.query(open, [runId(some[1] ?? 0)]);
    // The portion that meets it takes what is beside it, and asks anew whether all is over.
    await journal.retentions.portion(lease, id);
    const rest = await left('runs');
    expect(rest.length).toBeLessThan(some.length);
    while ((await journal.retentions.portion(lease, id)).more);
    expect(await left('runs')).toEqual(rest);
    expect(rest.slice(0, 2)).toEqual(some.slice(0, 2));
    expect((await journal.retentions.find(id))?.counts).toMatchObject({ kept: 1 });
  }, 60_000);

  it('asks only once whether all of a large family is over', async () => {
    await make({ journal, lease }, [
      {},
      ...Array.from({ length: MEMBERS + 50 }, () => ({ under: 1 })),
    ]);
    const id = runId(82_000);
    await journal.retentions.create(lease, { id, scope: SCOPE, by: { actor: 'me' } });
    await journal.retentions.portion(lease, id);
    const { rows } = await client.query('select place from retentions where id = $1', [id]);
    expect(rows).toEqual([
      { place: expect.objectContaining({ large: { root: runId(1), end: OLD } }) },
    ]);
  }, 60_000);

  it('is left alone while somebody else holds one of the family', async () => {
    await make({ journal, lease }, [{}, { under: 1 }, {}]);
    await client.query('begin');
    await client.query('select from runs where id = $1 for update', [runId(2)]);
    const done = await retain();
    await client.query('commit');
    expect(await left('runs')).toEqual([1, 2]);
    expect(done.counts.kept).toBe(1);
    await retain();
    expect(await left('runs')).toEqual([]);
  });
});

describe('archives', () => {
  it('hold what is deleted, as rows that can be put back', async () => {
    const archive = join(folder, 'whole');
    await make({ journal, lease }, [{ key: 'k' }, { end: null }]);
    const before = await journal.load(runId(1));
    await retain({ archive });
    const files = readdirSync(archive).filter((name) => name.endsWith('.jsonl'));
    const lines = files.flatMap((name) =>
      readFileSync(join(archive, name), 'utf8').trimEnd().split('\n'),
    );
    const tables = lines.map((line) => (JSON.parse(line) as { table: string }).table);
    expect(tables).toEqual(['runs', 'events', 'events', 'task_logs']);
    expect(await journal.load(runId(1))).toBeNull();
    for (const line of lines.slice(0, 3)) {
      const { table } = JSON.parse(line) as { table: string };
      await client.query(
        `insert into ${table} select (json_populate_record(null::${table}, $1::json -> 'row')).*`,
        [line],
      );
    }
    expect(await journal.load(runId(1))).toEqual(before);
  });

  it('come first: what cannot be archived is not deleted', async () => {
    const archive = join(folder, 'broken');
    await make({ journal, lease }, [{}]);
    const id = runId(60_000);
    await journal.retentions.create(lease, {
      id,
      scope: { ...SCOPE, archive },
      by: { actor: 'me' },
    });
    rmSync(archive, { recursive: true });
    writeFileSync(archive, 'no folder');
    const portion = journal.retentions.portion(lease, id);
    await expect(portion).rejects.toMatchObject({ code: 'retention.archive' });
    expect(await left('events', 'run_id')).toEqual([1]);
    // It is mended, and goes on where it was.
    rmSync(archive);
    mkdirSync(archive);
    while ((await journal.retentions.portion(lease, id)).more);
    expect(await left('runs')).toEqual([]);
    expect(readdirSync(archive)).toEqual([`${id}-000001.jsonl`]);
  });

  it('are refused at once where there is no folder for them', async () => {
    const refused = (archive: string): Promise<unknown> => retain({ archive });
    await expect(refused('relative')).rejects.toMatchObject({ code: 'retention.archive' });
    await expect(refused('/dev/null/x')).rejects.toMatchObject({ code: 'retention.archive' });
  });
});
