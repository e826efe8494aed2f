/**
 * Each trouble of a database, made for real: the journal stalls, says why, loses nothing, and is well
 * again by itself. A pair of servers, each behind a network that can fail.
 */
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseConnectionString } from '../../journal/connection-string.ts';
import type { AppendResult } from '../../journal/append.ts';
import type { Journal } from '../../journal/journal.ts';
import type { NodeLease } from '../../journal/ownership.ts';
import { openPostgresJournal } from '../../journal/postgres/journal.ts';
import { batch, eventRow, runId, startRow, temporaryFolder, until } from '../../journal/testbed.ts';
import { requires } from '../requires.ts';
import { Pair } from './pair.ts';
import { canMount, SmallDisk } from './small-disk.ts';

/** Slow before it is looked at: a timer may fire a millisecond early. */
const LIMITS = { quietMs: 100, slowMs: 50 };
/** Nothing takes so long here; a trouble about the lease has its own test. */
const LEASE_MS = 600_000;

let folder: string;
let pair: Pair;
let databases = 0;
let runs = 0;
const open: (() => Promise<unknown>)[] = [];
const made: string[] = [];
const disks: SmallDisk[] = [];

beforeAll(async () => {
  folder = temporaryFolder();
  chmodSync(folder, 0o755);
  pair = await Pair.open(folder, []);
}, 120_000);
afterEach(async () => {
  // A test that failed half-way must not leave its trouble to the next.
  pair.primary.network.mend();
  await Promise.all(open.splice(0).map((close) => close()));
  // A copy for the next standby copies them, too.
  for (const name of made.splice(0)) {
    await pair.primary.server.ask(`drop database ${name} with (force)`);
  }
});
afterAll(async () => {
  await pair.close();
  for (const disk of disks) disk.remove();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

interface Book {
  readonly journal: Journal;
  readonly lease: NodeLease;
  readonly database: string;
  /** Appends one event to a run of this book; the run has been there before. */
  append(): Promise<AppendResult>;
  /** Numbers of the run's events, as the primary has them now. */
  numbers(): Promise<readonly number[]>;
}

type Urls = (database: string) => string;
const oneHost: Urls = (database) =>
  `postgresql://tutti@127.0.0.1:${pair.primary.network.port}/${database}`;

async function openJournal(
  database: string,
  urlOf: Urls = pair.balancedUrl.bind(pair),
): Promise<Journal> {
  const journal = await openPostgresJournal({
    connection: parseConnectionString(urlOf(database), `tutti:${process.pid}`),
    connections: 1,
    limits: LIMITS,
  });
  open.push(() => journal.close());
  return journal;
}

async function openBook(urlOf: Urls = oneHost, leaseMs = LEASE_MS): Promise<Book> {
  const database = `book_${databases++}`;
  await pair.primary.server.ask(`create database ${database}`);
  made.push(database);
  const journal = await openJournal(database, urlOf);
  const lease = await journal.register('main', leaseMs, null);
  const run = runId(++runs);
  const first = batch({ starts: [startRow(run)], events: [eventRow(run, 0)] });
  expect(await journal.append(lease, first)).toEqual({ kind: 'committed' });
  let seq = 0;
  return {
    journal,
    lease,
    database,
    append: () => journal.append(lease, batch({ events: [eventRow(run, ++seq)] })),
    numbers: async () => {
      const text = 'select seq from events where run_id = $1 order by seq';
      const rows = await pair.primary.server.ask<{ seq: number }>(text, [run], database);
      return rows.map((row) => row.seq);
    },
  };
}

/** Until `/readyz` would say so. */
async function says({ journal }: Book, words: string): Promise<string> {
  const found = (): string | undefined => journal.stalls().find((each) => each.includes(words));
  await until(() => found() !== undefined);
  expect(found()).toMatch(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/);
  return found() ?? '';
}

async function wellAgain(book: Book, waiting: Promise<AppendResult>): Promise<void> {
  expect(await waiting).toEqual({ kind: 'committed' });
  await until(() => book.journal.stalls().length === 0);
  expect(await book.append()).toEqual({ kind: 'committed' });
  expect(await book.numbers()).toEqual([0, 1, 2]);
}

async function connected(database: string): Promise<pg.Client> {
  const client = pair.client(database);
  client.on('error', () => undefined);
  await client.connect();
  open.push(() => client.end());
  return client;
}

const COMMITS_WAIT = `
select pid from pg_stat_activity where wait_event = 'SyncRep' and query like $1 and datname = $2`;

/** Until a commit of this statement waits for the standby; the pid of its backend. */
async function commitWaits(book: Book, statement: string): Promise<number> {
  let pid: number | undefined;
  await until(async () => {
    const { server } = pair.primary;
    const rows = await server.ask<{ pid: number }>(COMMITS_WAIT, [statement, book.database]);
    pid = rows[0]?.pid;
    return pid !== undefined;
  });
  return pid ?? 0;
}

describe('a database in trouble', () => {
  it('is away', async () => {
    const book = await openBook();
    pair.primary.network.hang();
    const waiting = book.append();
    expect(await says(book, 'is slow')).toContain('a statement has had no answer for');
    expect(await says(book, 'cannot be reached')).toContain('no answer within 3 s');
    pair.primary.network.mend();
    await wellAgain(book, waiting);
  });

  it('is slow behind its network', async () => {
    const book = await openBook();
    pair.primary.network.delayMs = 300;
    const waiting = book.append();
    expect(await says(book, 'is slow')).toContain('a statement has had no answer for');
    await wellAgain(book, waiting);
    pair.primary.network.mend();
  });

  it('is slow because of a lock, and says which', async () => {
    const book = await openBook();
    const blocker = await connected(book.database);
    await blocker.query('begin; lock table events in exclusive mode');
    const waiting = book.append();
    expect(await says(book, 'waits for a lock')).toContain('is slow since');
    await blocker.query('commit');
    await wellAgain(book, waiting);
  });

  it('has a limit for statements', async () => {
    const book = await openBook();
    const { server } = pair.primary;
    await server.set('statement_timeout', '200ms');
    const blocker = await connected(book.database);
    await blocker.query('set statement_timeout = 0; begin; lock table events in exclusive mode');
    const waiting = book.append();
    expect(await says(book, 'cancels statements')).toContain('(57014)');
    await blocker.query('commit');
    await server.set('statement_timeout', '0');
    await wellAgain(book, waiting);
  });

  it('has become read-only', async () => {
    const book = await openBook();
    const { server } = pair.primary;
    await server.set('default_transaction_read_only', 'on');
    const waiting = book.append();
    const words = await says(book, 'takes no writes');
    expect(words).toMatch(/is read-only|\(25006\)/);
    await server.set('default_transaction_read_only', 'off');
    await wellAgain(book, waiting);
  });

  it('nearly costs the lease', async () => {
    const book = await openBook(oneHost, 2_000);
    pair.primary.network.hang();
    const renewing = book.journal.renew(book.lease, LEASE_MS);
    await says(book, 'the lease of this node is nearly lost');
    await says(book, 'the lease of this node ended at');
    pair.primary.network.mend();
    expect(await renewing).toMatchObject({ kept: true });
    await until(() => book.journal.stalls().length === 0);
  });
});

describe('a network that was away', () => {
  it('leaves a session of ours on the server, which is no other node', async () => {
    const book = await openBook();
    pair.primary.network.hang();
    const renewing = book.journal.renew(book.lease, LEASE_MS);
    await says(book, 'cannot be reached');
    pair.primary.network.heal();
    expect(await renewing).toMatchObject({ kept: true });
    expect(await book.append()).toEqual({ kind: 'committed' });
  });
});

describe('a standby that is away', () => {
  it('keeps commits waiting, which is said', async () => {
    const book = await openBook();
    await pair.standby.server.kill();
    const waiting = book.append();
    expect(await says(book, 'SyncRep')).toContain('waits for a synchronous standby');
    await pair.standby.server.start();
    await wellAgain(book, waiting);
  });

  it('is waited for, though somebody ends the wait', async () => {
    const book = await openBook();
    await pair.standby.server.kill();
    const waiting = book.append();
    const pid = await commitWaits(book, '%fence%');
    await pair.primary.server.ask('select pg_cancel_backend($1)', [pid]);
    // Not acknowledged: a commit of our own waits behind it now.
    expect(await commitWaits(book, '%confirm%')).not.toBe(0);
    await pair.standby.server.start();
    await wellAgain(book, waiting);
  });

  it('decides about a commit that only a crashed primary has', async () => {
    const book = await openBook(pair.url.bind(pair));
    await pair.standby.server.kill();
    const waiting = book.append();
    await commitWaits(book, '%fence%');
    await pair.primary.server.kill();
    await pair.primary.server.start();
    // It is there now, visible to all, and is not acknowledged.
    await commitWaits(book, '%confirm%');
    expect(await book.numbers()).toEqual([0, 1]);
    await pair.primary.server.kill();
    await pair.standby.server.start();
    await pair.failOver('kill', 'available');
    expect(await waiting).toEqual({ kind: 'committed' });
    expect(await book.numbers()).toEqual([0, 1]);
    await pair.rebuild();
    await until(() => book.journal.stalls().length === 0);
  });
});

describe('a primary of the past', () => {
  it('is not written to again', async () => {
    const book = await openBook(pair.balancedUrl.bind(pair));
    await pair.failOver('split', 'available');
    const past = pair.standby.server;
    await until(async () => {
      const { journal, lease } = book;
      return (await journal.renew(lease, LEASE_MS)).kept;
    });
    // The network leads back to the server that was replaced and still takes writes.
    await past.set('synchronous_standby_names', '');
    pair.mislead(past);
    const waiting = book.append();
    expect(await says(book, 'is a primary of the past')).toContain('takes no writes');
    pair.mislead(pair.primary.server);
    await wellAgain(book, waiting);
    await pair.rebuild();
  });
});

requires(
  'a disk to be filled',
  canMount(),
  'only root may mount a small file system (in a container: --cap-add SYS_ADMIN)',
)('a disk', () => {
  it('is full', async () => {
    // Without a standby: a tablespace of one machine cannot be made on the other.
    await pair.standby.server.kill();
    await pair.primary.server.set('synchronous_standby_names', '');
    const disk = new SmallDisk(join(folder, 'disk'));
    disks.push(disk);
    const space = disk.space(pair.primary.server.paths);
    await pair.primary.server.ask(`create tablespace small location '${space}'`);
    const book = await openBook();
    const move = await connected('postgres');
    expect(book.journal.stalls()).toEqual([]);
    const admin = await connected(book.database);
    await admin.query('alter table events set tablespace small');
    disk.fill();
    const waiting = appendUntilFull(book);
    expect(await says(book, 'has no room left on its disk')).toContain('(53100)');
    disk.empty();
    await waiting;
    await until(() => book.journal.stalls().length === 0);
    expect(await book.append()).toEqual({ kind: 'committed' });
    const numbers = await book.numbers();
    expect(numbers).toEqual(numbers.map((_, at) => at));
    await admin.query('alter table events set tablespace pg_default');
    await move.query('drop tablespace small');
  });
});

/** A page may have room for some more events: until one stalled, and has been written after all. */
async function appendUntilFull(book: Book): Promise<void> {
  for (let stalled = false; !stalled; ) {
    const appending = book.append();
    let over = false;
    void appending.finally(() => {
      over = true;
    });
    // Not any stall: on a busy machine an append is slow before the disk is full.
    const full = (): boolean => book.journal.stalls().some((each) => each.includes('(53100)'));
    await until(() => over || full());
    stalled = full();
    expect(await appending).toEqual({ kind: 'committed' });
  }
}
