/**
 * BullMQ: a queue in Redis, here one of its own with `appendfsync always`. A flow is a tree: a chain
 * is ten jobs within each other; the first job of a fan adds the flow of the others.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { FlowProducer, Queue, Worker } from 'bullmq';
import Redis from 'ioredis';
import { Awaited, lots } from './crowd.mjs';

const QUEUE = 'bench';
const JOBS_AT_ONCE = 100;
const LOT = 100;
const START_LIMIT_MS = 10_000;

let times = [];
let woke = () => undefined;
const ends = new Awaited();

export async function open({ directory }) {
  const path = join(directory, 'redis.sock');
  const redis = startRedis(directory, path);
  const connection = { path, maxRetriesPerRequest: null };
  await answers(path);
  const flow = new FlowProducer({ connection });
  const queue = new Queue(QUEUE, { connection });
  const worker = new Worker(QUEUE, ({ data }) => task(flow, data), {
    connection,
    concurrency: JOBS_AT_ONCE,
  });
  worker.on('completed', ({ data }) => {
    if (data.last) ends.done(data.run);
  });
  return {
    servers: { redis: redis.pid },
    chain: (count) => chain(flow, count),
    fan: (count) => fan(queue, count),
    steps: async () => {
      times = [];
      await one(flow);
      return times;
    },
    one: () => one(flow),
    sleep: async (count, due, said) => {
      woke = said;
      await lots(1_000, count, (indexes) =>
        queue.addBulk(
          indexes.map((index) => ({
            name: 'wake',
            data: { index },
            opts: { delay: Math.max(0, due(index) - Date.now()) },
          })),
        ),
      );
    },
    close: async () => {
      await worker.close();
      const exit = once(redis, 'exit');
      redis.kill('SIGTERM');
      await exit;
    },
  };
}

function startRedis(directory, path) {
  const settings = {
    port: '0',
    unixsocket: path,
    dir: directory,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    'maxmemory-policy': 'noeviction',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const redis = spawn('redis-server', options, { stdio: 'ignore' });
  process.once('exit', () => redis.kill('SIGKILL'));
  return redis;
}

async function answers(path) {
  const client = new Redis({ path, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  const late = setTimeout(() => client.disconnect(), START_LIMIT_MS);
  await client.ping();
  clearTimeout(late);
  client.disconnect();
}

async function task(flow, { run, step, index, fans }) {
  if (index !== undefined) woke(index);
  times.push(performance.now());
  if (fans) await flow.add(spread(run));
  return { ok: true, step };
}

function job(data, children) {
  return { name: 'step', queueName: QUEUE, data, ...(children !== undefined && { children }) };
}

/** The innermost job runs first. */
function nested(run) {
  let tree = job({ run, step: 0 });
  for (let step = 1; step < 10; step++) tree = job({ run, step, last: step === 9 }, [tree]);
  return tree;
}

function spread(run) {
  const middle = Array.from({ length: 50 }, (_, i) => job({ run, step: i + 1 }));
  return job({ run, step: 51, last: true }, middle);
}

let runs = 0;

async function one(flow) {
  const run = runs++;
  const end = ends.for(run);
  await flow.add(nested(run));
  await end;
}

async function chain(flow, count) {
  const { first, all } = expected(count);
  await lots(LOT, count, (indexes) => flow.addBulk(indexes.map((index) => nested(first + index))));
  await all;
}

async function fan(queue, count) {
  const { first, all } = expected(count);
  await lots(LOT, count, (indexes) =>
    queue.addBulk(
      indexes.map((index) => ({
        name: 'step',
        data: { run: first + index, step: 0, fans: true },
      })),
    ),
  );
  await all;
}

function expected(count) {
  const first = runs;
  runs += count;
  const all = Promise.all(Array.from({ length: count }, (_, index) => ends.for(first + index)));
  return { first, all };
}
