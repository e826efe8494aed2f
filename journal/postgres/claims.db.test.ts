/** Runs without a living owner go to exactly one claimer, whatever happens meanwhile. */
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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
import { CLAIM_SETTINGS, COUNT_GONE, GONE, LOCK_ACTIVE, LOCK_DUE, NEXT_DUE } from './claims.ts';

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
}, 60_000);
afterAll(() => bed.close(), 60_000);

/** Of the test that runs: the server has room for so many connections. */
const opened: Journal[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((journal) => journal.close()));
});

interface Node {
  readonly journal: Journal;
  lease: NodeLease;
}

/** Nodes of one database, each with a journal of its own. */
async function nodes(...names: string[]): Promise<{ all: Node[]; connection: pg.ClientConfig }> {
  const connection = await bed.database();
  const all: Node[] = [];
  for (const name of names) {
    const { journal } = await bed.journal({ connection });
    opened.push(journal);
    all.push({ journal, lease: await journal.register(name, 60_000, null) });
  }
  return { all, connection };
}

function sure<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error('missing');
  return value;
}

async function start(
  { journal, lease }: Node,
  runs: readonly Parameters<typeof startRow>[1][],
  first = 0,
): Promise<string[]> {
  const starts = runs.map((over, n) => startRow(runId(first + n), over));
  const events = starts.map((run) => eventRow(run.id, 0));
  expect(await journal.append(lease, batch({ starts, events }))).toEqual({ kind: 'committed' });
  return starts.map((run) => run.id);
}

async function claimAll({ journal, lease }: Node, now: number, limit: number): Promise<string[]> {
  const mine: string[] = [];
  for (;;) {
    const { runs } = await journal.claim(lease, now, limit);
    if (runs.length === 0) return mine;
    expect(runs.length).toBeLessThanOrEqual(limit);
    mine.push(...runs);
  }
}

describe('claim', () => {
  it('keeps a name that comes back waiting until it is over', async () => {
    const { all, connection } = await nodes('back', 'claimer');
    const [back, claimer] = [sure(all[0]), sure(all[1])];
    await start(back, [{}, {}]);
    await back.journal.resign(back.lease);
    const slow = await bed.client(connection);
    await slow.query('begin');
    expect((await slow.query(GONE)).rows).toEqual([{ node: back.lease.node }]);
    const returning = back.journal.register('back', 60_000, null);
    const watcher = await bed.client(connection);
    await until(async () => {
      const { rowCount } = await watcher.query(
        "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%into leases%' and datname = current_database()",
      );
      return rowCount === 1;
    });
    // Half-way back: the lease is locked, so other claims leave it alone and look again soon.
    const meanwhile = await claimer.journal.claim(claimer.lease, 5, 1);
    expect(meanwhile.runs.length).toBeLessThanOrEqual(1);
    await slow.query('commit');
    back.lease = await returning;
    expect(await claimer.journal.claim(claimer.lease, 5, 9)).toEqual({ runs: [], nextAt: null });
    const left = await back.journal.activeRuns(back.lease, null, 9);
    expect([...meanwhile.runs, ...left].toSorted()).toEqual([runId(0), runId(1)]);
  });

  it('looks again soon when a gone name is half-way back', async () => {
    const { all, connection } = await nodes('back', 'claimer');
    const [back, claimer] = [sure(all[0]), sure(all[1])];
    await start(back, [{}]);
    await back.journal.resign(back.lease);
    const halfWay = await bed.client(connection);
    await halfWay.query('begin');
    await halfWay.query("update leases set until = now() + interval '1 hour' where node = $1", [
      back.lease.node,
    ]);
    expect(await claimer.journal.claim(claimer.lease, 5, 9)).toEqual({ runs: [], nextAt: 1_005 });
    await halfWay.query('rollback');
    expect((await claimer.journal.claim(claimer.lease, 5, 9)).runs).toEqual([runId(0)]);
  });
});

describe('fencing expired nodes', () => {
  it('is not undone by a renewal that waited for it', async () => {
    const { all, connection } = await nodes('a', 'b');
    const [a, b] = [sure(all[0]), sure(all[1])];
    const fencing = await bed.client(connection);
    await fencing.query('begin');
    await fencing.query('select from leases where node = $1 for update', [b.lease.node]);
    const renewal = b.journal.renew(b.lease, 60_000);
    const watcher = await bed.client(connection);
    await until(async () => {
      const { rowCount } = await watcher.query(
        "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%renewed%' and datname = current_database()",
      );
      return rowCount === 1;
    });
    await fencing.query('update nodes set epoch = epoch + 1 where id = $1', [b.lease.node]);
    await fencing.query('update leases set until = null where node = $1', [b.lease.node]);
    await fencing.query('commit');
    expect((await renewal).kept).toBe(false);
    expect((await a.journal.renew(a.lease, 60_000)).othersEndInMs).toBeNull();
  });

  it('does not wait for a process that stands still inside a claim', async () => {
    const { all, connection } = await nodes('still', 'b');
    const [still, b] = [sure(all[0]), sure(all[1])];
    const [run] = await start(still, [{ unowned: true }]);
    const frozen = await bed.client(connection);
    await frozen.query("set idle_in_transaction_session_timeout = '1s'");
    await frozen.query('begin');
    await frozen.query('select 1 from nodes where id = $1 for share', [still.lease.node]);
    await frozen.query('update runs set owner = $1 where id = $2', [still.lease.node, run]);
    await still.journal.renew(still.lease, -1);
    expect(await b.journal.fenceExpired(b.lease)).toBe(1);
    expect((await b.journal.claim(b.lease, 0, 9)).runs).toEqual([run]);
  });
});

/** Small, repeatable chance. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What all lives have in common, and may not tell each other. */
interface World {
  readonly runs: readonly string[];
  /** The next event of each run. */
  readonly heads: Map<string, number>;
  readonly over: Set<string>;
}

/** Claims, goes on with some of its runs, and ends some. False: it was fenced. */
async function turn(
  { journal, lease }: Node,
  { runs, heads, over }: World,
  mine: Set<string>,
  random: (below: number) => number,
): Promise<boolean> {
  const page = await journal.claim(lease, 5, 1 + random(60));
  for (const run of page.runs) mine.add(run);
  const one = sure(runs[random(runs.length)]);
  if ((await journal.claimRun(lease, one).catch(() => null)) === 'mine') mine.add(one);
  const some = [...mine].filter(() => random(3) === 0);
  const seqs = some.map((run) => sure(heads.get(run)));
  // A second owner would collide at the event's number: its append could not be committed.
  const events = some.map((run, k) => eventRow(run, sure(seqs[k]), { data: `"${lease.node}"` }));
  const result = await journal.append(lease, batch({ events }));
  if (result.kind !== 'committed') return false;
  for (const [k, run] of some.entries()) {
    expect(heads.get(run)).toBe(seqs[k]);
    heads.set(run, sure(seqs[k]) + 1);
  }
  const ending = random(3) === 0 ? [...mine].slice(0, 8) : [];
  const updates = ending.map((run) => updateRow(run, { status: 'succeeded', endedAt: 9 }));
  if ((await journal.append(lease, batch({ updates }))).kind !== 'committed') return false;
  for (const run of ending) {
    mine.delete(run);
    over.add(run);
  }
  return true;
}

describe('under fire', () => {
  it('gives every run one claimer at a time, while nodes are fenced and come back', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const { all, connection } = await nodes(...names, 'source', 'undertaker');
    const [source, undertaker] = [sure(all[4]), sure(all[5])];
    const kinds = Array.from({ length: 600 }, (_, n) =>
      n % 3 === 0 ? { unowned: true, wakeAt: 1 } : {},
    );
    const runs = await start(source, kinds);
    await source.journal.resign(source.lease);
    const world = { runs, heads: new Map(runs.map((run) => [run, 1])), over: new Set<string>() };
    const lives = names.map(async (name, n) => {
      const node = sure(all[n]);
      const random = chance(n + 1);
      while (world.over.size < runs.length) {
        // What it takes up at its start is what nobody has taken from it.
        const mine = new Set(await node.journal.activeRuns(node.lease, null, 1_000));
        let alive = true;
        for (let k = 4 + random(4); alive && k > 0; k--) {
          alive = await turn(node, world, mine, random);
        }
        if (random(2) === 0) await node.journal.resign(node.lease);
        else {
          await node.journal.renew(node.lease, -1);
          await undertaker.journal.fenceExpired(undertaker.lease);
        }
        node.lease = await node.journal.register(name, 60_000, null);
      }
    });
    await Promise.all(lives);
    const client = await bed.client(connection);
    const left = await client.query('select id from runs where ended_at is null');
    expect(left.rows).toEqual([]);
    const { rows } = await client.query(
      'select run_id, count(*)::int as n, max(seq) + 1 as next from events group by run_id',
    );
    for (const row of rows) expect([row.n, row.n]).toEqual([row.next, world.heads.get(row.run_id)]);
  }, 120_000);

  it('shares 3,000 runs among many connections, each run once', async () => {
    const { all } = await nodes('gone', 'a', 'b', 'c', 'd', 'e');
    const [gone, ...claimers] = [sure(all[0]), ...all.slice(1)];
    const runs = await start(
      gone,
      Array.from({ length: 3_000 }, (_, n) => (n % 2 === 0 ? {} : { wakeAt: 1 })),
    );
    await gone.journal.resign(gone.lease);
    const shares = await Promise.all(claimers.map((each) => claimAll(each, 5, 50)));
    expect(shares.flat().toSorted()).toEqual(runs);
    for (const [n, share] of shares.entries()) {
      expect(
        await sure(claimers[n]).journal.activeRuns(sure(claimers[n]).lease, null, 9_000),
      ).toEqual(share.toSorted());
    }
  });
});

const TERMINATE_CLAIMER = `
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
and state <> 'idle' and query !~ 'listen' order by random() limit 1`;

it('loses no claimed run when the connection is cut, whatever the moment', async () => {
  const { all, connection } = await nodes('gone', 'a', 'b');
  const [gone, ...claimers] = [sure(all[0]), ...all.slice(1)];
  const runs = await start(
    gone,
    Array.from({ length: 1_500 }, () => ({})),
  );
  await gone.journal.resign(gone.lease);
  const killer = await bed.client(connection);
  const mine = claimers.map(() => new Set<string>());
  const claimed = (): number => mine.reduce((sum, each) => sum + each.size, 0);
  const claiming = claimers.map(async (each, n) => {
    while (claimed() < runs.length) {
      const page = await each.journal.claim(each.lease, 5, 20);
      for (const run of page.runs) mine[n]?.add(run);
    }
  });
  let killed = 0;
  while (claimed() < runs.length) {
    const before = claimed();
    killed += (await killer.query(TERMINATE_CLAIMER)).rowCount ?? 0;
    // Progress between two blows, or the test would only test patience.
    await until(() => claimed() > before || claimed() === runs.length);
  }
  await Promise.all(claiming);
  expect(killed).toBeGreaterThan(0);
  expect(mine.flatMap((each) => [...each]).toSorted()).toEqual(runs);
}, 60_000);

/** Between journal and server: cuts the next connection that commits, when it has committed. */
async function openProxy(
  to: string,
): Promise<{ folder: string; arm: () => void; cuts: () => number; close: () => void }> {
  const folder = temporaryFolder();
  let [armed, cuts] = [false, 0];
  const proxy = createServer((near) => {
    const far = connect(to);
    let cutting = false;
    near.on('data', (data) => {
      if (armed && data.includes('commit')) [armed, cutting] = [false, true];
      far.write(data);
    });
    far.on('data', (data) => {
      if (!cutting) return void near.write(data);
      cuts += 1;
      near.destroy();
      far.destroy();
    });
    for (const socket of [near, far]) {
      socket.on('error', () => undefined);
      socket.on('close', () => void [near, far].map((each) => each.destroy()));
    }
  });
  await new Promise<void>((resolve) => proxy.listen(join(folder, '.s.PGSQL.5432'), resolve));
  const arm = (): void => {
    armed = true;
  };
  return { folder, arm, cuts: () => cuts, close: () => proxy.close() };
}

it('has what it claimed when the answer to the commit is lost', async () => {
  const { all, connection } = await nodes('gone');
  const gone = sure(all[0]);
  const runs = await start(gone, [{}, {}, { wakeAt: 1 }, {}]);
  await gone.journal.resign(gone.lease);
  const proxy = await openProxy(join(String(connection.host), '.s.PGSQL.5432'));
  const { journal } = await bed.journal({ connection: { ...connection, host: proxy.folder } });
  opened.push(journal);
  const lease = await journal.register('claimer', 60_000, null);
  expect((await journal.claim(lease, 5, 1)).runs).toEqual([runs[0]]);
  proxy.arm();
  expect((await journal.claim(lease, 5, 2)).runs.toSorted()).toEqual([runs[1], runs[3]]);
  proxy.arm();
  expect((await journal.claim(lease, 5, 9)).runs).toEqual([runs[2]]);
  proxy.arm();
  expect((await journal.claim(lease, 5, 9)).runs).toEqual([]);
  expect(proxy.cuts()).toBe(3);
  proxy.close();
});

describe('the plans', () => {
  it('read the indexes of open runs, however large the table and whatever the counts say', async () => {
    const { all, connection } = await nodes('gone', 'alive');
    const gone = sure(all[0]);
    await start(gone, [{}, { wakeAt: 5 }, { unowned: true }, { unowned: true, wakeAt: 5 }]);
    await gone.journal.resign(gone.lease);
    const client = await bed.client(connection);
    await client.query(`
      insert into runs (id, created_at, ended_at, owner, version, total, workflow, status, "by")
      select gen_random_uuid(), now(), now(), case when n % 2 = 0 then 1 end, 1, 1, 'w', 'succeeded', '{}'
      from generate_series(1, 20000) n`);
    await client.query('analyze runs');
    await client.query(CLAIM_SETTINGS);
    const plan = async (text: string, values: unknown[]): Promise<string> => {
      const { rows } = await client.query(`explain ${text}`, values);
      return rows.map((row) => String(row['QUERY PLAN'])).join('\n');
    };
    const plans = [
      [await plan(LOCK_ACTIVE, [[1], 50]), 'runs_active'],
      [await plan(LOCK_DUE, [[1], 50, 9]), 'runs_sleeping'],
      [await plan(NEXT_DUE, [[1], 9]), 'runs_sleeping'],
      [await plan(GONE, []), 'runs_active'],
      [await plan(COUNT_GONE, []), 'runs_sleeping'],
    ] as const;
    for (const [text, index] of plans) {
      expect(text).toContain(index);
      expect(text).not.toMatch(/Seq Scan on runs|runs_pkey|Sort/);
    }
    expect(sure(plans[0])[0].match(/Scan using runs_active/g)).toHaveLength(2);
    expect(sure(plans[1])[0].match(/Scan using runs_sleeping/g)).toHaveLength(2);
  });
});
