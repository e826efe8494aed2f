/**
 * npm run bench: the engine's rates beside the raw rate of the disk and the database, in one run on
 * one machine. Machines are noisy: read the ratios.
 *
 *   raw  batched inserts of journal-sized rows, as the journal writes them, no engine
 *   W1   10,000 runs of a chain of 10
 *   W2   1,000 runs of 1 → 50 → 1
 *   W3   one chain of 10 at a time: latency from one step to the next
 *   W5   one run of 100,000 tasks beside runs of 1,000: cost per task
 */
import type { EventRow } from '../journal/journal.ts';
import { type BenchHouse, deploy, openBenchHouse, runAll, runOne } from './house.ts';
import { machineIds } from '../cli/machine.ts';

const chain = Array.from({ length: 10 }, (_, i) => (i === 0 ? [] : [i - 1]));
const fan = Array.from({ length: 52 }, (_, i) =>
  i === 0 ? [] : i === 51 ? Array.from({ length: 50 }, (_unused, k) => k + 1) : [0],
);
const W1_RUNS = 10_000;
const W2_RUNS = 1_000;
const W3_RUNS = 300;

interface Row {
  readonly what: string;
  readonly tasks: number;
  readonly seconds: number;
  readonly note: string;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function timed(what: string, tasks: number, work: () => Promise<string>): Promise<Row> {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const note = await work();
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const perTask = ((user + system) / tasks).toFixed(1);
  const row = {
    what,
    tasks,
    seconds,
    note: `${note}${note === '' ? '' : ', '}node ${perTask} µs CPU per task`,
  };
  console.log(line(row));
  return row;
}

function line(row: Row): string {
  const perSecond = Math.round(rate(row)).toLocaleString('en');
  return `${row.what.padEnd(34)} ${row.seconds.toFixed(2).padStart(8)} s ${perSecond.padStart(10)} /s   ${row.note}`;
}

/** Rows like those of a finished step, appended as the engine appends them. */
async function raw(house: BenchHouse): Promise<string> {
  const lease = await house.journal.register('bench-raw', 60_000, null);
  const batches = Array.from({ length: 100 }, () => rowsOf(1_000));
  await Promise.all(
    Array.from({ length: house.journal.width }, async () => {
      for (let events = batches.pop(); events !== undefined; events = batches.pop()) {
        await house.journal.append(lease, { starts: [], events, updates: [] });
      }
    }),
  );
  return '';
}

function rowsOf(count: number): EventRow[] {
  const run = machineIds.run();
  const at = Date.now();
  return Array.from({ length: count }, (_, seq) => ({
    run,
    seq,
    at,
    type: 'TaskEnded',
    task: `t${seq}`,
    attempt: 1,
    end: 'succeeded',
    data: JSON.stringify({ startedAt: at, output: { ok: true } }),
  }));
}

async function latency(house: BenchHouse): Promise<string> {
  const gaps: number[] = [];
  for (let k = 0; k < W3_RUNS; k++) {
    house.sink.times = [];
    await runOne(house, 'chain', 12);
    const times = house.sink.times;
    for (let i = 1; i < times.length; i++) gaps.push((times[i] ?? 0) - (times[i - 1] ?? 0));
  }
  house.sink.times = null;
  return `p50 ${percentile(gaps, 0.5).toFixed(2)} ms, p99 ${percentile(gaps, 0.99).toFixed(2)} ms per task`;
}

/** Layers of `width`, each task after its neighbour above and that one's right. */
function layered(tasks: number, width: number): number[][] {
  return Array.from({ length: tasks }, (_, i) => {
    if (i < width) return [];
    const above = i - width;
    return [above, above - (above % width) + ((above + 1) % width)];
  });
}

function rate(row: Row): number {
  return row.tasks / row.seconds;
}

async function main(): Promise<void> {
  const house = await openBenchHouse();
  await deploy(house, 'chain', chain);
  await deploy(house, 'fan', fan);
  await deploy(house, 'thousand', layered(1_000, 100));
  await deploy(house, 'large', layered(100_000, 100));
  await runAll(house, 'chain', 500);
  const rawRow = await timed('raw: 100,000 rows, batches of 1,000', 100_000, () => raw(house));
  const w1 = await timed('W1: 10,000 runs x 10', W1_RUNS * 10, async () => {
    await runAll(house, 'chain', W1_RUNS);
    return '';
  });
  const w2 = await timed('W2: 1,000 runs x 52', W2_RUNS * 52, async () => {
    await runAll(house, 'fan', W2_RUNS);
    return '';
  });
  await timed('W3: one chain at a time', W3_RUNS * 10, () => latency(house));
  const small = await timed('W5a: 20 runs x 1,000, one by one', 20_000, async () => {
    for (let i = 0; i < 20; i++) await runAll(house, 'thousand', 1);
    return '';
  });
  const large = await timed('W5b: 1 run x 100,000', 100_000, async () => {
    await runAll(house, 'large', 1);
    return `${Math.round(process.memoryUsage().rss / 1e6)} MB resident`;
  });
  console.log(
    `W1 / raw rows: ${(rate(w1) / rate(rawRow)).toFixed(2)}   W2 / raw rows: ${(rate(w2) / rate(rawRow)).toFixed(2)}`,
  );
  console.log(`cost per task at 100,000 / at 1,000: ${(rate(small) / rate(large)).toFixed(2)}`);
  await house.close();
}

await main();
