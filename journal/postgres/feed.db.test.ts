/** Every event once, in an order that holds, while many write and some are slow. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EventRow } from '../append.ts';
import type { FeedPosition } from '../feed.ts';
import type { Journal } from '../journal.ts';
import type { NodeLease } from '../ownership.ts';
import { nameOf, readAll } from '../feed.fixture.ts';
import { batch, eventRow, openTestbed, runId, startRow, until, type Testbed } from '../testbed.ts';
import { appendStatement } from './statement.ts';
import { FEED_ROWS } from './feed.ts';

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

it('refuses what is no position of this database', async () => {
  const { journal } = await fresh();
  for (const position of ['', 'x', '1', '1.2.3', '-1.0', '900000000000000.0', '9'.repeat(30)]) {
    await expect(journal.views.feed(position, 1)).rejects.toMatchObject({
      code: 'request.invalid',
    });
  }
});

it('does not keep rows of another server in the way of new ones', async () => {
  const { journal, connection, lease } = await fresh();
  const client = await bed.client(connection);
  await journal.append(
    lease,
    batch({ starts: [startRow(runId(1))], events: [eventRow(runId(1), 0)] }),
  );
  // As a dump of a server that has come further leaves it.
  await client.query("insert into feed (xid, spans) values ('800000000', '')");
  const { journal: again } = await bed.journal({ connection });
  const { rows } = await client.query('select count(*)::int as n from feed');
  expect(rows).toEqual([{ n: 1 }]);
  expect((await readAll(again, '0.0', 9)).names).toEqual(['1.0']);
});

/** Small, repeatable chance. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const WRITERS = 4;
const TURNS = 60;

/** Each writer has runs of its own, and appends to them one after another. */
async function write(
  n: number,
  append: (events: EventRow[]) => Promise<void>,
  written: Set<string>,
): Promise<void> {
  const random = chance(n + 1);
  const heads = Array.from({ length: 5 }, () => 0);
  for (let turn = 0; turn < TURNS; turn++) {
    const events: EventRow[] = [];
    for (const [k, head] of heads.entries()) {
      const count = random(4);
      for (let seq = head; seq < head + count; seq++) events.push(eventRow(runId(n * 10 + k), seq));
      heads[k] = head + count;
    }
    await append(events);
    for (const event of events) written.add(nameOf(event));
  }
}

/** Appends that stay open: they have their number before others that commit earlier. */
async function slowAppend(client: pg.Client, lease: NodeLease, events: EventRow[]): Promise<void> {
  await client.query('begin');
  await client.query('select pg_current_xact_id()');
  for (let pause = 0; pause < 5; pause++) await client.query('select 1');
  await client.query(appendStatement(lease, batch({ events })));
  for (let pause = 0; pause < 5; pause++) await client.query('select 1');
  await client.query('commit');
}

/** Ends with the first empty page that was asked for when all was to be seen. */
async function follow(journal: Journal, seed: number, all: () => boolean): Promise<string[]> {
  const random = chance(seed);
  const seen: string[] = [];
  for (let after: FeedPosition = '0.0'; ; ) {
    const last = all();
    const { items, next } = await journal.views.feed(after, 1 + random(random(4) === 0 ? 200 : 12));
    if (last && items.length === 0) return seen;
    // Sometimes the connection is lost in the middle of a page.
    const kept = random(3) === 0 ? items.slice(0, random(items.length + 1)) : items;
    seen.push(...kept.map(({ event }) => nameOf(event)));
    after = kept.length === items.length ? next : (kept.at(-1)?.position ?? after);
  }
}

it('shows readers every event once, each run in order, while fast and slow ones write', async () => {
  const { journal, lease, connection } = await fresh();
  const written = new Set<string>();
  let all = false;
  const readers = [7, 8, 9].map((seed) => follow(journal, seed, () => all));
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, n) => {
      const client = await bed.client(connection);
      await write(
        n,
        n % 2 === 0
          ? async (events) => void (await journal.append(lease, batch({ events })))
          : (events) => slowAppend(client, lease, events),
        written,
      );
    }),
  );
  // Nothing is under way any more: from its beginning the feed shows everything.
  await until(async () => (await readAll(journal, '0.0', 1_000)).names.length === written.size);
  all = true;
  for (const seen of await Promise.all(readers)) {
    expect(seen).toHaveLength(written.size);
    expect(new Set(seen)).toEqual(written);
    const heads = new Map<string, number>();
    for (const [run, seq] of seen.map((each) => each.split('.'))) {
      expect(Number(seq)).toBe(heads.get(String(run)) ?? 0);
      heads.set(String(run), Number(seq) + 1);
    }
  }
}, 120_000);

it('has an append that is repeated after a lost connection once', async () => {
  const { journal, lease, connection } = await fresh();
  const client = await bed.client(connection);
  const TERMINATE = `
    select pg_terminate_backend(pid) from pg_stat_activity where query like '%fence%'
    and datname = current_database() and pid <> pg_backend_pid() order by state = 'active' desc limit 1`;
  let seq = 0;
  let over = false;
  const blows = (async () => {
    for (let before = -1; !over; before = seq) {
      await client.query(TERMINATE);
      await until(() => over || seq > before);
    }
  })();
  for (; seq < 60; seq++) await journal.append(lease, batch({ events: [eventRow(runId(1), seq)] }));
  over = true;
  await blows;
  const { names } = await readAll(journal, '0.0', 1_000);
  expect(names).toEqual(Array.from({ length: 60 }, (_, n) => `1.${n}`));
});

it('is read by its key', async () => {
  const { connection } = await fresh();
  const client = await bed.client(connection);
  await client.query(
    "insert into feed (xid, spans) select n::text::xid8, '' from generate_series(1, 5000) n",
  );
  await client.query('analyze feed');
  const { rows } = await client.query(`explain ${FEED_ROWS}`, ['4000', 8]);
  const plan = rows.map((row) => String(row['QUERY PLAN'])).join('\n');
  expect(plan).toContain('Index Scan using feed_pkey');
  expect(plan).not.toContain('Sort');
});
