/**
 * pg-boss: a queue in PostgreSQL; each job puts the next one into it. Version 10 is the newest for
 * Node 20, and its own `work` asks at most twice a second, so these loops of our own fetch lots of
 * jobs and ask again after a millisecond. The next job and the end of this one are two statements,
 * and a lot has one output: less than a workflow's record. It has no fan-in.
 */
import PgBoss from 'pg-boss';
import { Awaited, lots } from './crowd.mjs';

const QUEUE = 'bench';
const LOOPS = 4;
const LOT = 500;
const IDLE_MS = 1;
const LAST = 9;

let times = [];
let woke = () => undefined;
const ends = new Awaited();

export async function open({ databaseUrl, alone }) {
  const boss = new PgBoss({ connectionString: databaseUrl, max: 20 });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  await boss.createQueue(QUEUE);
  let stopped = false;
  const loops = Array.from({ length: alone ? 1 : LOOPS }, () => loop(boss, () => stopped));
  return {
    chain: (runs) => chain(boss, runs),
    steps: async () => {
      times = [];
      await one(boss);
      return times;
    },
    one: () => one(boss),
    sleep: async (runs, due, said) => {
      woke = said;
      await lots(1_000, runs, (indexes) =>
        boss.insert(
          indexes.map((index) => ({
            name: QUEUE,
            data: { index },
            startAfter: new Date(due(index)),
          })),
        ),
      );
    },
    close: async () => {
      stopped = true;
      await Promise.all(loops);
      await boss.stop({ graceful: false });
    },
  };
}

async function loop(boss, isOver) {
  while (!isOver()) {
    const jobs = await boss.fetch(QUEUE, { batchSize: LOT });
    if (jobs.length === 0) await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    else await handle(boss, jobs);
  }
}

async function handle(boss, jobs) {
  let output;
  const next = [];
  for (const { data } of jobs) {
    output = await task(data);
    if (data.step < LAST) next.push({ name: QUEUE, data: { run: data.run, step: data.step + 1 } });
  }
  if (next.length > 0) await boss.insert(next);
  await boss.complete(
    QUEUE,
    jobs.map(({ id }) => id),
    output,
  );
  for (const { data } of jobs) if (data.step === LAST) ends.done(data.run);
}

async function task({ step, index }) {
  if (index !== undefined) woke(index);
  times.push(performance.now());
  return { ok: true, step };
}

let runs = 0;

async function one(boss) {
  const run = runs++;
  const end = ends.for(run);
  await boss.insert([{ name: QUEUE, data: { run, step: 0 } }]);
  await end;
}

async function chain(boss, count) {
  const first = runs;
  runs += count;
  const all = Array.from({ length: count }, (_, index) => ends.for(first + index));
  await lots(1_000, count, (indexes) =>
    boss.insert(indexes.map((index) => ({ name: QUEUE, data: { run: first + index, step: 0 } }))),
  );
  await Promise.all(all);
}
