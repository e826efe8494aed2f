/**
 * graphile-worker: a queue in PostgreSQL; each job adds the next one. It keeps neither results nor
 * jobs that have ended: less than a workflow's record. It has no fan-in.
 */
import { Logger, makeWorkerUtils, run as startWorker } from 'graphile-worker';
import { Awaited, lots } from './crowd.mjs';

const JOBS_AT_ONCE = 24;
const LOCAL_QUEUE = 500;
const POLL_MS = 100;
const LAST = 9;

let times = [];
let woke = () => undefined;
const ends = new Awaited();

export async function open({ databaseUrl: connectionString }) {
  const runner = await startWorker({
    connectionString,
    taskList: { step, wake: async ({ index }) => woke(index) },
    logger: new Logger(() => () => undefined),
    noHandleSignals: true,
    preset: {
      worker: {
        connectionString,
        concurrentJobs: JOBS_AT_ONCE,
        maxPoolSize: 30,
        pollInterval: POLL_MS,
        localQueue: { size: LOCAL_QUEUE },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  });
  const adder = await makeWorkerUtils({ connectionString });
  return {
    chain: (count) => chain(adder, count),
    steps: async () => {
      times = [];
      await one(adder);
      return times;
    },
    one: () => one(adder),
    sleep: async (count, due, said) => {
      woke = said;
      await lots(1_000, count, (indexes) =>
        adder.addJobs(
          indexes.map((index) => ({
            identifier: 'wake',
            payload: { index },
            runAt: new Date(due(index)),
          })),
        ),
      );
    },
    close: async () => {
      await adder.release();
      await runner.stop();
    },
  };
}

async function step({ run, number }, { addJob }) {
  times.push(performance.now());
  if (number < LAST) await addJob('step', { run, number: number + 1 });
  else ends.done(run);
}

let runs = 0;

async function one(adder) {
  const run = runs++;
  const end = ends.for(run);
  await adder.addJob('step', { run, number: 0 });
  await end;
}

async function chain(adder, count) {
  const first = runs;
  runs += count;
  const all = Array.from({ length: count }, (_, index) => ends.for(first + index));
  await lots(1_000, count, (indexes) =>
    adder.addJobs(
      indexes.map((index) => ({
        identifier: 'step',
        payload: { run: first + index, number: 0 },
      })),
    ),
  );
  await Promise.all(all);
}
