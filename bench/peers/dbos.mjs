/**
 * DBOS Transact: workflows and steps in this process, its records in PostgreSQL. Two hundred
 * workflows are in flight; more did not make it faster. Sleepers are workflows in memory.
 */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { crowd } from './crowd.mjs';

const IN_FLIGHT = 200;
const POOL = 20;

let times = [];
let woke = () => undefined;

async function task(index) {
  times.push(performance.now());
  return { ok: true, index };
}

function step(index) {
  return DBOS.runStep(() => task(index), { name: `t${index}` });
}

const chain = DBOS.registerWorkflow(
  async () => {
    let last;
    for (let i = 0; i < 10; i++) last = await step(i);
    return last;
  },
  { name: 'chain' },
);

const fan = DBOS.registerWorkflow(
  async () => {
    await step(0);
    await Promise.allSettled(Array.from({ length: 50 }, (_, i) => step(i + 1)));
    return step(51);
  },
  { name: 'fan' },
);

const nap = DBOS.registerWorkflow(
  async (index, due) => {
    await DBOS.sleep(Math.max(0, due - Date.now()));
    await DBOS.runStep(async () => woke(index), { name: 'wake' });
  },
  { name: 'nap' },
);

export async function open({ databaseUrl }) {
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: databaseUrl,
    systemDatabasePoolSize: POOL,
    logLevel: 'error',
  });
  await DBOS.launch();
  return {
    chain: (runs) => crowd(IN_FLIGHT, runs, () => chain()),
    fan: (runs) => crowd(IN_FLIGHT, runs, () => fan()),
    steps: async () => {
      times = [];
      await chain();
      return times;
    },
    one: async () => void (await chain()),
    sleep: async (runs, due, said) => {
      woke = said;
      await crowd(IN_FLIGHT, runs, (index) => DBOS.startWorkflow(nap)(index, due(index)));
    },
    close: () => DBOS.shutdown(),
  };
}
