/**
 * npm run volume: what a large journal costs. One of 1,000,000 runs and 10,000,000 task events is
 * made, and one of 1,000 beside it. Then, in one run and in turn: every list, filter and page on
 * both; chains of ten (W1) on the large one and on an empty one; and the same while half of the
 * large one is deleted by its age. It does not judge: it prints figures.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { machineClock, machineIds } from '../cli/machine.ts';
import { Retention } from '../engine/retention.ts';
import type { Journal } from '../journal/journal.ts';
import { writeCursor } from '../journal/page.ts';
import { openPostgresJournal } from '../journal/postgres/journal.ts';
import { filtersOf } from '../tests/plans/cases.ts';
import { fillVolume, type Volume } from '../tests/plans/volume.ts';
import type { Contestant } from './contestant.ts';
import { type Database, DatabaseServer } from './database.ts';
import { median } from './meter.ts';
import { open as openTutti } from './tutti.ts';

const SMALL = 1_000;
const ROUNDS = 7;
const ROUNDS_AGAIN = 31;
const PAGE = 50;
const CHAIN = 10;
const WARM = 500;

interface Filled {
  readonly database: Database;
  readonly journal: Journal;
  readonly volume: Volume;
}

const begun = performance.now();
function say(words: string): void {
  console.error(`${((performance.now() - begun) / 1_000).toFixed(0).padStart(5)} s  ${words}`);
}

async function fill(server: DatabaseServer, runs: number, tasks: number): Promise<Filled> {
  const database = await server.database();
  const journal = await openPostgresJournal({ connection: database.connection });
  const client = new pg.Client(database.connection);
  await client.connect();
  const amounts = { runs, tasks, orphans: false };
  const volume = await fillVolume(client, amounts, Date.now() - 86_400_000, (words) => {
    if (runs > SMALL) say(words);
  });
  await client.end();
  return { database, journal, volume };
}

type Ask = (on: Filled) => Promise<unknown>;

/** Everything that people list, by name. */
function questions(like: Volume): (readonly [string, Ask])[] {
  const asks: (readonly [string, Ask])[] = [
    ['bulk commands', ({ journal }) => journal.bulks.list(null, PAGE)],
    ['refusals', ({ journal, volume }) => journal.bulks.refusals(volume.bulk, PAGE)],
    ['workflows', ({ journal }) => journal.views.workflows(null, PAGE)],
    ['versions', ({ journal }) => journal.views.versions('w0', null, PAGE)],
    ['nodes', ({ journal }) => journal.views.nodes()],
    ['retentions', ({ journal }) => journal.retentions.list(null, PAGE)],
    ['a run', ({ journal, volume }) => journal.views.run(volume.idOf(500))],
    ['runs by prefix', ({ journal, volume }) => journal.views.runsByPrefix(volume.idOf(500))],
    ['events of a run', ({ journal, volume }) => journal.views.events(volume.idOf(500), -1, 1_000)],
    [
      'log of a run',
      ({ journal, volume }) => journal.views.logs({ run: volume.parent, limit: PAGE }),
    ],
    [
      'log of a task',
      ({ journal, volume }) => journal.views.logs({ run: volume.parent, task: 't2', limit: PAGE }),
    ],
    ['the end of the feed', ({ journal }) => journal.views.feed(null, PAGE)],
    ['the feed', ({ journal }) => journal.views.feed('0.0', PAGE)],
  ];
  filtersOf(like).forEach(([name], at) => {
    for (const part of [0, 0.5, 0.1]) {
      asks.push([
        `${name}${part === 0 ? '' : `, from ${part} of them on`}`,
        ({ journal, volume }) => {
          const n = Math.max(1, Math.floor(volume.runs * part));
          const after = writeCursor([volume.createdAt(n), volume.idOf(n)]);
          const filter = filtersFor(volume)[at]?.[1] ?? {};
          return journal.views.runs({ ...filter, limit: PAGE, ...(part > 0 && { after }) });
        },
      ]);
    }
  });
  return asks;
}

const filters = new Map<Volume, ReturnType<typeof filtersOf>>();
function filtersFor(volume: Volume): ReturnType<typeof filtersOf> {
  const known = filters.get(volume) ?? filtersOf(volume);
  filters.set(volume, known);
  return known;
}

async function timeOf(ask: Ask, on: Filled): Promise<number> {
  const from = performance.now();
  await ask(on);
  return performance.now() - from;
}

async function compare(
  ask: Ask,
  small: Filled,
  large: Filled,
  rounds: number,
): Promise<{ readonly ratio: number; readonly ms: number }> {
  const times = { small: [] as number[], large: [] as number[] };
  await timeOf(ask, small);
  await timeOf(ask, large);
  for (let round = 0; round < rounds; round++) {
    times.small.push(await timeOf(ask, small));
    times.large.push(await timeOf(ask, large));
  }
  const ms = median(times.large);
  return { ratio: ms / median(times.small), ms };
}

async function lists(small: Filled, large: Filled): Promise<void> {
  const found: { name: string; ratio: number; ms: number }[] = [];
  for (const [name, ask] of questions(large.volume)) {
    let compared = await compare(ask, small, large, ROUNDS);
    // Neighbours on the machine: what looks slow is looked at longer.
    if (compared.ratio > 2) compared = await compare(ask, small, large, ROUNDS_AGAIN);
    found.push({ name, ...compared });
  }
  const worst = found.toSorted((a, b) => b.ratio - a.ratio);
  const above = worst.filter(({ ratio }) => ratio > 3).length;
  console.log(
    `\n${found.length} lists, filters and pages: median ratio ${median(found.map(({ ratio }) => ratio)).toFixed(2)}, ${above} above 3. The worst:`,
  );
  for (const { name, ratio, ms } of worst.slice(0, 8))
    console.log(`  ${ratio.toFixed(2)} × (${ms.toFixed(2)} ms)  ${name}`);
  console.log(`The slowest: ${Math.max(...found.map(({ ms }) => ms)).toFixed(1)} ms`);
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
  large: Filled,
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
  { database, journal, volume }: Filled,
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
    const retention = new Retention({
      journal,
      clock: machineClock,
      lease: () => lease,
      log: { warn: (fields, words) => console.error(words, fields) },
    });
    const from = performance.now();
    retention.take(id);
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

async function sizes({ database }: Filled): Promise<void> {
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

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
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
  const directory = mkdtempSync(join(tmpdir(), 'tutti-volume-'));
  const server = await DatabaseServer.open(directory);
  try {
    const small = await fill(server, SMALL, tasks);
    const large = await fill(server, runs, tasks);
    await sizes(large);
    await lists(small, large);
    await chains(server, large, pairs, chain);
    await retiring(large, chain, forS);
    await Promise.all([small, large].map(({ journal }) => journal.close()));
  } finally {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
