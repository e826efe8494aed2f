/**
 * Every list, filter and page of a large journal beside the same on a small one, in turn.
 *
 * Like is compared with like: where the small journal finds three runs, both are asked for three.
 * What a full page of the large one takes is measured as well, so that a list which the small
 * journal cannot fill hides nothing: beside a full page of the small one that merges as many
 * ranges, because planning them is most of what a page costs.
 */
import type { BulkFilter } from '../journal/bulks.ts';
import type { Journal } from '../journal/journal.ts';
import { writeCursor } from '../journal/page.ts';
import { RUN_STATUSES } from '../model/run.ts';
import { filtersOf } from '../tests/plans/cases.ts';
import type { Volume } from '../tests/plans/volume.ts';
import { median } from './meter.ts';

const ROUNDS = 7;
/** Neighbours on the machine come and go: what looks slow is looked at longer, and only what grows looks so each time. */
const ROUNDS_AGAIN = 101;
const LOOKS_AGAIN = 3;
const SUSPECT = 2;
const PAGE = 50;
const WORST = 8;

export interface Filled {
  readonly journal: Journal;
  readonly volume: Volume;
}

/** Answers how many rows it found. */
type Ask = (on: Filled, limit: number) => Promise<number>;
interface Pair {
  readonly name: string;
  readonly rows: number;
  readonly small: () => Promise<unknown>;
  readonly large: () => Promise<unknown>;
}
interface Found extends Pair {
  readonly ratio: number;
  readonly ms: number;
}

const filters = new Map<Volume, ReturnType<typeof filtersOf>>();
function filtersFor(volume: Volume): ReturnType<typeof filtersOf> {
  const known = filters.get(volume) ?? filtersOf(volume);
  filters.set(volume, known);
  return known;
}

async function itemsOf(page: Promise<{ readonly items: readonly unknown[] }>): Promise<number> {
  return (await page).items.length;
}

async function rowsOf(rows: Promise<readonly unknown[]>): Promise<number> {
  return (await rows).length;
}

/** What a small journal has a full page of, in as many ranges as the filter has. */
function rangesOf(filter: BulkFilter): BulkFilter {
  if (Object.keys(filter).length === 0) return {};
  return { statuses: filter.statuses?.length === 1 ? ['succeeded'] : RUN_STATUSES };
}

/** Everything that people list, by name; and how many ranges a page of it merges. */
function questions(like: Volume): (readonly [string, Ask, BulkFilter?])[] {
  const asks: (readonly [string, Ask, BulkFilter?])[] = [
    ['bulk commands', ({ journal }, limit) => itemsOf(journal.bulks.list(null, limit))],
    [
      'refusals',
      ({ journal, volume }, limit) => rowsOf(journal.bulks.refusals(volume.bulk, limit)),
    ],
    ['workflows', ({ journal }, limit) => itemsOf(journal.views.workflows(null, limit))],
    ['versions', ({ journal }, limit) => itemsOf(journal.views.versions('w0', null, limit))],
    ['nodes', ({ journal }) => rowsOf(journal.views.nodes())],
    ['retentions', ({ journal }, limit) => itemsOf(journal.retentions.list(null, limit))],
    [
      'a run',
      async ({ journal, volume }) => ((await journal.views.run(volume.idOf(500))) === null ? 0 : 1),
    ],
    [
      'runs by prefix',
      ({ journal, volume }) => rowsOf(journal.views.runsByPrefix(volume.idOf(500))),
    ],
    [
      'events of a run',
      ({ journal, volume }) => rowsOf(journal.views.events(volume.idOf(500), -1, 1_000)),
    ],
    [
      'log of a run',
      ({ journal, volume }, limit) => itemsOf(journal.views.logs({ run: volume.parent, limit })),
    ],
    [
      'log of a task',
      ({ journal, volume }, limit) =>
        itemsOf(journal.views.logs({ run: volume.parent, task: 't2', limit })),
    ],
    ['the end of the feed', ({ journal }, limit) => itemsOf(journal.views.feed(null, limit))],
    ['the feed', ({ journal }, limit) => itemsOf(journal.views.feed('0.0', limit))],
  ];
  filtersOf(like).forEach(([name, wanted], at) => {
    for (const part of [0, 0.5, 0.1]) {
      asks.push([
        `${name}${part === 0 ? '' : `, from ${part} of them on`}`,
        ({ journal, volume }, limit) => {
          const n = Math.max(1, Math.floor(volume.runs * part));
          const after = writeCursor([volume.createdAt(n), volume.idOf(n)]);
          const filter = filtersFor(volume)[at]?.[1] ?? {};
          return itemsOf(journal.views.runs({ ...filter, limit, ...(part > 0 && { after }) }));
        },
        rangesOf(wanted),
      ]);
    }
  });
  return asks;
}

async function timeOf(ask: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await ask();
  return performance.now() - from;
}

async function ratioOf(pair: Pair, rounds: number): Promise<{ ratio: number; ms: number }> {
  const times = { small: [] as number[], large: [] as number[] };
  await timeOf(pair.small);
  await timeOf(pair.large);
  for (let round = 0; round < rounds; round++) {
    times.small.push(await timeOf(pair.small));
    times.large.push(await timeOf(pair.large));
  }
  const ms = median(times.large);
  return { ratio: ms / median(times.small), ms };
}

async function compare(pairs: readonly Pair[]): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const pair of pairs) found.push({ ...pair, ...(await ratioOf(pair, ROUNDS)) });
  for (let look = 0; look < LOOKS_AGAIN; look++) {
    for (const [at, pair] of pairs.entries()) {
      if ((found[at]?.ratio ?? 0) > SUSPECT)
        found[at] = { ...pair, ...(await ratioOf(pair, ROUNDS_AGAIN)) };
    }
  }
  return found;
}

function print(title: string, found: readonly Found[]): void {
  const worst = found.toSorted((a, b) => b.ratio - a.ratio);
  const above = worst.filter(({ ratio }) => ratio > 3).length;
  const middle = median(found.map(({ ratio }) => ratio)).toFixed(2);
  const slowest = Math.max(...found.map(({ ms }) => ms)).toFixed(1);
  console.log(
    `\n${title}: median ratio ${middle}, ${above} above 3; the slowest ${slowest} ms. The worst:`,
  );
  for (const { name, ratio, ms, rows } of worst.slice(0, WORST))
    console.log(`  ${ratio.toFixed(2)} × (${ms.toFixed(2)} ms, ${rows} rows)  ${name}`);
}

export async function lists(small: Filled, large: Filled): Promise<void> {
  const alike: Pair[] = [];
  const full: Pair[] = [];
  for (const [name, ask, ranges = {}] of questions(large.volume)) {
    const rows = Math.min(PAGE, Math.max(1, await ask(small, PAGE)));
    alike.push({ name, rows, small: () => ask(small, rows), large: () => ask(large, rows) });
    const most = await ask(large, PAGE);
    if (most <= rows) continue;
    const plain = (): Promise<unknown> => small.journal.views.runs({ ...ranges, limit: PAGE });
    full.push({ name, rows: most, small: plain, large: () => ask(large, PAGE) });
  }
  print(
    `${alike.length} lists, filters and pages, as many rows of each journal`,
    await compare(alike),
  );
  print(
    `${full.length} of them find more in the large one; a page of it beside a full one of the small one with as many ranges`,
    await compare(full),
  );
}
