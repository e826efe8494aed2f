/**
 * Followers of events whose connections are cut every 100 events, on two nodes that write at once:
 * none is missed, none comes twice, and all see one order. `EVENTS=100000` makes it long.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionUrl } from '../../journal/connection-string.ts';
import { openTestbed } from '../../journal/testbed.ts';
import type { Testbed } from '../../journal/testbed.ts';
import { createClient } from '../../protocol/client/client.ts';
import { fragileNetwork } from './fragile-network.ts';
import type { FragileNetwork } from './fragile-network.ts';
import { by } from './local-tutti.ts';
import { serve } from './served.ts';
import type { Served } from './served.ts';

const EVENTS = Number(process.env['EVENTS'] ?? 10_000);
const TASKS = 50;
const EVENTS_OF_RUN = TASKS + 2;
const RUNS = Math.ceil(EVENTS / EVENTS_OF_RUN);
const EVENTS_PER_CONNECTION = 100;
const STARTS_AT_ONCE = 50;
const LIMIT_MS = Math.max(120_000, EVENTS * 10);

const CHAIN = [
  'workflow: chain',
  'tasks:',
  ...Array.from({ length: TASKS }, (_, n) => {
    const needs = n === 0 ? '' : `needs: [t${n - 1}], `;
    return `  t${n}: { ${needs}action: tutti.noop }`;
  }),
].join('\n');
const LAST = 'workflow: last\ntasks:\n  only: { action: tutti.noop }\n';

let testbed: Testbed;
let nodes: Served[];
const networks: FragileNetwork[] = [];
beforeAll(async () => {
  testbed = await openTestbed();
  const databaseUrl = connectionUrl(await testbed.database());
  nodes = [
    await serve({ databaseUrl, nodeName: 'one' }),
    await serve({ databaseUrl, nodeName: 'two' }),
  ];
  for (const source of [CHAIN, LAST]) await nodes[0]?.tutti.deploy(source);
});
afterAll(async () => {
  await Promise.all(networks.map((one) => one.close()));
  await Promise.all(nodes.map((node) => node.close()));
  await testbed.close();
});

async function cutting(servers: readonly Served[]): Promise<FragileNetwork> {
  const made = await fragileNetwork(
    servers.map(({ url }) => url),
    EVENTS_PER_CONNECTION,
  );
  networks.push(made);
  return made;
}

/** `run seq` of every event from a place on, until the workflow `last` has ended. */
async function follow(url: string, lastEventId: string): Promise<string[]> {
  const client = createClient({ url, fetch, pause: async () => undefined });
  const seen: string[] = [];
  for await (const event of client.streamEvents({ lastEventId })) {
    if (event.workflow === 'last' && event.type === 'RunEnded') break;
    if (event.workflow === 'chain') seen.push(`${event.run} ${event.seq}`);
  }
  return seen;
}

async function followRun(url: string, run: string): Promise<number[]> {
  const client = createClient({ url, fetch, pause: async () => undefined });
  const seen: number[] = [];
  for await (const event of client.streamEvents({ run })) {
    seen.push(event.seq);
    if (event.type === 'RunEnded') break;
  }
  return seen;
}

async function start(node: Served, workflow: string): Promise<string> {
  const answer = await node.tutti.engine.door.commands.start({ workflow, inputs: {}, by });
  if (answer.refused) throw new Error(answer.message);
  return answer.run;
}

async function startMany(node: Served, count: number): Promise<string[]> {
  const runs: string[] = [];
  while (runs.length < count) {
    const next = Math.min(STARTS_AT_ONCE, count - runs.length);
    runs.push(...(await Promise.all(Array.from({ length: next }, () => start(node, 'chain')))));
  }
  return runs;
}

async function ended(node: Served, runs: readonly string[]): Promise<void> {
  const { door } = node.tutti.engine;
  const never = () => new AbortController().signal;
  await Promise.all(runs.map((run) => door.runs.changed(run, EVENTS_OF_RUN - 2, never())));
}

describe(`${RUNS * EVENTS_OF_RUN} events of two nodes`, () => {
  it(
    'reach every follower once and in one order, however often it is cut off',
    async () => {
      const [one, two] = nodes as [Served, Served];
      const from = (await one.tutti.journal.views.feed(null, 1)).next;
      const fragile = [await cutting([one]), await cutting([two]), await cutting([one, two])];
      const followers = fragile.map(({ url }) => follow(url, from));
      const half = Math.ceil(RUNS / 2);
      const runs = (await Promise.all([startMany(one, half), startMany(two, RUNS - half)])).flat();
      await ended(one, runs.slice(0, half));
      await ended(two, runs.slice(half));
      await start(one, 'last');
      const seen = await Promise.all(followers);

      const expected = runs.flatMap((run) =>
        Array.from({ length: EVENTS_OF_RUN }, (_, seq) => `${run} ${seq}`),
      );
      for (const events of seen) expect(events.toSorted()).toEqual(expected.toSorted());
      expect(seen[1]).toEqual(seen[0]);
      expect(seen[2]).toEqual(seen[0]);
      for (const { cuts } of fragile) {
        expect(cuts()).toBeGreaterThanOrEqual(Math.floor(expected.length / EVENTS_PER_CONNECTION));
      }
      console.log(
        `${expected.length} events, cut ${fragile.map(({ cuts }) => cuts()).join(' ')} times`,
      );
    },
    LIMIT_MS,
  );

  it('reach a follower of one run from its first on, while it runs and after it', async () => {
    const [one, two] = nodes as [Served, Served];
    const { url } = await cutting([one, two]);
    const run = await start(one, 'chain');
    const expected = Array.from({ length: EVENTS_OF_RUN }, (_, seq) => seq);
    expect(await followRun(url, run)).toEqual(expected);
    expect(await followRun(url, run)).toEqual(expected);
  });
});
