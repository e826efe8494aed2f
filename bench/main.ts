/**
 * npm run bench: Tutti, and with `--peers` those who do the same work, on one machine in one run.
 * Round after round, workload after workload, one contestant after another, each in a process of
 * its own and on an empty database: noise that comes and goes meets all of them alike.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { USAGE, type Wishes, wishesOf } from './arguments.ts';
import { checkout, DISPATCH, type Entry, peers, TUTTI } from './contestants.ts';
import { DatabaseServer } from './database.ts';
import { median } from './meter.ts';
import { pairs } from './pairs.ts';
import { openPage } from './page.ts';
import { rawRate } from './raw.ts';
import { Stage } from './stage.ts';
import { type Result, table } from './table.ts';
import { countOf, type Figures, type Workload } from './workload.ts';

const RESULTS = 'bench/results';

class Bench {
  readonly #wishes: Wishes;
  readonly #server: DatabaseServer;
  readonly #pageUrl: string;
  readonly #begun = performance.now();
  readonly #engines: readonly Entry[];
  readonly #figures = new Map<string, Figures[]>();
  readonly #absent = new Map<string, string>();
  readonly #raw: number[] = [];

  constructor(wishes: Wishes, server: DatabaseServer, pageUrl: string) {
    this.#wishes = wishes;
    this.#server = server;
    this.#pageUrl = pageUrl;
    const other = wishes.against === undefined ? [] : [checkout(wishes.against)];
    this.#engines = [TUTTI, ...other, ...(wishes.peers ? peers() : [])];
  }

  async play(): Promise<void> {
    for (let round = 1; round <= this.#wishes.rounds; round++) {
      this.#say(`round ${round} of ${this.#wishes.rounds}`);
      this.#raw.push(await rawRate(this.#server));
      this.#say(`raw rows: ${perSecond(this.#raw.at(-1) ?? 0)}`);
      const chainRates = new Map<Entry, number>();
      for (const workload of this.#wishes.workloads) {
        const entries = this.#entriesOf(workload);
        // Who is first finds another machine than who is second: they take turns.
        for (const entry of round % 2 === 0 ? entries.toReversed() : entries) {
          const figures = await this.#one(workload, entry, chainRates.get(entry));
          if (workload.id === 'W1' && figures !== undefined)
            chainRates.set(entry, figures.perSecond);
        }
      }
    }
  }

  #entriesOf(workload: Workload): readonly Entry[] {
    return workload.of === 'dispatch' ? DISPATCH : this.#engines;
  }

  /** One contestant, one workload, one round. What goes wrong is said, and the others go on. */
  async #one(
    workload: Workload,
    entry: Entry,
    chainRate: number | undefined,
  ): Promise<Figures | undefined> {
    const name = keyOf(workload, entry);
    if (entry.missing !== undefined) {
      this.#absent.set(name, entry.missing);
      return undefined;
    }
    let stage: Stage | undefined;
    try {
      stage = await Stage.open(entry, this.#server, workload.alone === true);
      if (!stage.can(workload.needs)) {
        this.#absent.set(name, 'does not do this');
        return undefined;
      }
      const count = Math.ceil(countOf(workload, entry) * this.#wishes.share);
      const say = (text: string): void => this.#say(`${name}: ${text}`);
      const figures = await workload.play(stage, count, {
        chainRate,
        pageUrl: this.#pageUrl,
        say,
      });
      this.#figures.set(name, [...(this.#figures.get(name) ?? []), figures]);
      say(briefly(figures));
      return figures;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#absent.set(name, `broke: ${why.split('\n')[0]}`);
      this.#say(`${name} ${why}`);
      return undefined;
    } finally {
      await stage?.close();
    }
  }

  results(): Result[] {
    return this.#wishes.workloads.flatMap((workload) =>
      this.#entriesOf(workload).map((entry) => {
        const absent = this.#absent.get(keyOf(workload, entry));
        const rounds = this.#figures.get(keyOf(workload, entry)) ?? [];
        return { workload, entry, rounds, ...(absent !== undefined && { absent }) };
      }),
    );
  }

  /** What the table is about, on one line. */
  machine(): string {
    const [processor] = cpus();
    const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
    const where = `${cpus().length} × ${processor?.model ?? 'processor'}, ${memory}, ${process.platform}`;
    const { rounds, share } = this.#wishes;
    const how = `${rounds === 1 ? '1 round' : `medians of ${rounds} rounds`}${share === 1 ? '' : `, ${share} of every amount`}`;
    return `${where}, Node ${process.versions.node}, PostgreSQL ${this.#server.version}; ${how}; raw rows ${perSecond(median(this.#raw))}`;
  }

  #say(text: string): void {
    const seconds = (performance.now() - this.#begun) / 1000;
    console.error(`${seconds.toFixed(0).padStart(5)} s  ${text}`);
  }
}

function keyOf(workload: Workload, entry: Entry): string {
  return `${workload.id} ${entry.name}`;
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en')}/s`;
}

function briefly({ perSecond: rate, p50Ms, p99Ms }: Figures): string {
  const times =
    p50Ms === null ? '' : `, p50 ${p50Ms.toFixed(2)} ms, p99 ${(p99Ms ?? 0).toFixed(2)} ms`;
  return `${perSecond(rate)}${times}`;
}

/** The whole of it, with every round. */
function keep(machine: string, results: readonly Result[]): string {
  mkdirSync(RESULTS, { recursive: true });
  const at = new Date().toISOString();
  const file = join(RESULTS, `${at.replaceAll(':', '-')}.json`);
  const plain = results.map(({ workload, entry, rounds, absent }) => ({
    workload: workload.id,
    title: workload.title,
    contestant: entry.name,
    absent,
    rounds,
  }));
  writeFileSync(file, `${JSON.stringify({ at, machine, results: plain }, null, 2)}\n`);
  return file;
}

async function main(): Promise<void> {
  const wishes = wishesOf(process.argv.slice(2));
  if (wishes === 'help') {
    console.log(USAGE);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'tutti-bench-'));
  const server = await DatabaseServer.open(directory);
  const page = await openPage();
  const bench = new Bench(wishes, server, page.url);
  try {
    await bench.play();
    const machine = bench.machine();
    const results = bench.results();
    console.log(`\n${machine}\n\n${table(results)}`);
    if (wishes.against !== undefined) console.log(`\n${pairs(results).join('\n')}`);
    console.log('\nCPU: seconds per 1,000 tasks. WAL: bytes per task.');
    console.log(`Every round: ${keep(machine, results)}`);
  } finally {
    page.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
