/**
 * npm run volume: what a large journal costs. One of 1,000,000 runs and 10,000,000 task events is
 * made, and one of 1,000 beside it. Then, in one run and in turn: every list, filter and page on
 * both; chains of ten (W1) on the large one and on an empty one; and the same while half of the
 * large one is deleted by its age. With `--keep DIR` the two stay there and are made only once: what
 * writes works on a copy. It does not judge: it prints figures.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { machineClock, machineIds } from '../cli/machine.ts';
import { NodeIdentity } from '../engine/node-identity.ts';
import { RetentionHandler } from '../engine/door/retentions.ts';
import { Lifecycle } from '../engine/lifecycle.ts';
import { openPostgresJournal } from '../journal/postgres/journal.ts';
import { fillVolume, volumeOf } from '../tests/plans/volume.ts';
import type { Contestant } from './contestant.ts';
import { type Database, DatabaseServer } from './database.ts';
import { type Filled, lists } from './lists.ts';
import { median } from './meter.ts';
import { open as openTutti } from './tutti.ts';
import { orUsage } from '../tests/usage.ts';

const SMALL = 1_000;
const CHAIN = 10;
const WARM = 500;

interface Journaled extends Filled {
  readonly database: Database;
}

const begun = performance.now();
function say(words: string): void {
  console.error(`${((performance.now() - begun) / 1_000).toFixed(0).padStart(5)} s  ${words}`);
}

/** A kept folder has it already. */
async function fill(server: DatabaseServer, runs: number, tasks: number): Promise<Journaled> {
  const name = `runs_${runs}_of_${tasks}`;
  let database = await server.named(name);
  const amounts = { runs, tasks, orphans: false };
  const filledAt = await server.noteOf(database);
  const now = filledAt === null ? Date.now() - 86_400_000 : Number(filledAt);
  if (filledAt === null) {
    await database.drop();
    database = await server.named(name);
  }
  const journal = await openPostgresJournal({ connection: database.connection });
  if (filledAt === null) {
    const client = new pg.Client(database.connection);
    await client.connect();
    await fillVolume(client, amounts, now, (words) => {
      if (runs > SMALL) say(words);
    });
    await client.end();
    await server.note(database, String(now));
  }
  return { database, journal, volume: volumeOf(amounts, now) };
}

/** Tasks per second. */
async function rate(contestant: Contestant, runs: number): Promise<number> {
  const from = performance.now();
  await contestant.chain?.(runs);
  return (runs * CHAIN) / ((performance.now() - from) / 1_000);
}

async function withTutti<T>(
  database: Database,
  work: (contestant: Contestant) => Promise<T>,
): Promise<T> {
  const contestant = await openTutti({
    databaseUrl: database.url,
    directory: tmpdir(),
    alone: false,
  });
  try {
    await contestant.chain?.(WARM);
    return await work(contestant);
  } finally {
    await contestant.close();
  }
}

async function chains(
  server: DatabaseServer,
  large: Journaled,
  pairs: number,
  runs: number,
): Promise<void> {
  const ratios: number[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    const empty = await server.database();
    await server.settle();
    const onEmpty = await withTutti(empty, (contestant) => rate(contestant, runs));
    await empty.drop();
    await server.settle();
    const onLarge = await withTutti(large.database, (contestant) => rate(contestant, runs));
    ratios.push(onLarge / onEmpty);
    say(`W1: ${onLarge.toFixed(0)} on the large one, ${onEmpty.toFixed(0)} on an empty one`);
  }
  const all = ratios.map((ratio) => ratio.toFixed(2)).join(' ');
  console.log(
    `\nW1: ${median(ratios).toFixed(3)} × that on an empty journal, median of ${pairs} pairs (${all})`,
  );
}

/** Load in portions, by turns with and without a retention that works. */
async function retiring(
  { database, journal, volume }: Journaled,
  runs: number,
  forS: number,
): Promise<void> {
  const lease = await journal.register('retention', 86_400_000, null);
  const id = machineIds.run();
  const endedBefore = volume.createdAt(Math.floor(volume.runs / 2));
  const scope = { endedBefore, logsBefore: null, workflow: null, archive: null, applies: true };
  const rates = { without: [] as number[], beside: [] as number[] };
  await withTutti(database, async (contestant) => {
    for (let n = 0; n < 3; n++) rates.without.push(await rate(contestant, runs));
    await journal.retentions.create(lease, { id, scope, by: { actor: 'bench' } });
    const retention = new RetentionHandler({
      journal,
      clock: machineClock,
      identity: new NodeIdentity(lease),
      lifecycle: new Lifecycle(),
      gone: undefined,
      observer: undefined,
    });
    const from = performance.now();
    await retention.claim();
    for (;;) {
      rates.beside.push(await rate(contestant, runs));
      const row = await journal.retentions.find(id);
      const seconds = (performance.now() - from) / 1_000;
      say(
        `${rates.beside.at(-1)?.toFixed(0)} tasks/s; ${row?.counts.runs} runs, ${row?.counts.events} events deleted after ${seconds.toFixed(0)} s`,
      );
      if (row?.endedAt !== null || seconds > forS) break;
    }
    retention.stop();
    for (let n = 0; n < 3; n++) rates.without.push(await rate(contestant, runs));
  });
  const [beside, without] = [median(rates.beside), median(rates.without)];
  const row = await journal.retentions.find(id);
  console.log(
    `\nW1 beside retention: ${(beside / without).toFixed(3)} × (${beside.toFixed(0)} and ${without.toFixed(0)} tasks/s); ${JSON.stringify(row?.counts)}${row?.endedAt === null ? ', not at its end' : ''}`,
  );
}

const SIZES = `
select relname as name, greatest(reltuples, 1)::float8 as rows, pg_total_relation_size(oid)::float8 as bytes
from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace and reltuples > 1000
order by bytes desc`;

async function sizes({ database }: Journaled): Promise<void> {
  const client = new pg.Client(database.connection);
  await client.connect();
  const { rows } = await client.query<{ name: string; rows: number; bytes: number }>(SIZES);
  await client.end();
  console.log('\nBytes on the disk, indexes included:');
  for (const { name, rows: count, bytes } of rows) {
    const each = Math.round(bytes / count);
    console.log(
      `  ${name.padEnd(12)} ${each.toLocaleString('en').padStart(8)} a row, ${Math.round(bytes / 2 ** 20).toLocaleString('en')} MB`,
    );
  }
}

const USAGE =
  'npm run volume -- [--keep DIR] [--runs N] [--tasks N] [--pairs N] [--chains N] [--seconds N]';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keep: { type: 'string' },
      runs: { type: 'string', default: '1000000' },
      tasks: { type: 'string', default: '10' },
      pairs: { type: 'string', default: '7' },
      chains: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '3600' },
    },
  });
  const [runs, tasks, pairs, chain, forS] = [
    values.runs,
    values.tasks,
    values.pairs,
    values.chains,
    values.seconds,
  ].map(Number) as [number, number, number, number, number];
  const directory = values.keep ?? mkdtempSync(join(tmpdir(), 'tutti-volume-'));
  const server = await DatabaseServer.open(directory);
  try {
    const small = await fill(server, SMALL, tasks);
    const large = await fill(server, runs, tasks);
    await sizes(large);
    await lists(small, large);
    await Promise.all([small, large].map(({ journal }) => journal.close()));
    const database = await server.copy(large.database);
    const journal = await openPostgresJournal({ connection: database.connection });
    const copy = { database, journal, volume: large.volume };
    if (pairs > 0) await chains(server, copy, pairs, chain);
    if (forS > 0) await retiring(copy, chain, forS);
    await journal.close();
    await database.drop();
  } finally {
    await server.close();
    if (values.keep === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

process.exitCode = await orUsage(USAGE, async () => {
  await main();
  return 0;
});
