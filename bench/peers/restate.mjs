/**
 * Restate: its own server with its defaults (the log is flushed to disk) on loopback, and the
 * service in this process, which the server calls over HTTP/2. The server is under the Business
 * Source License: it is measured here and is no part of Tutti.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as restate from '@restatedev/restate-sdk';
import * as clients from '@restatedev/restate-sdk-clients';
import { crowd } from './crowd.mjs';

const IN_FLIGHT = 200;
const START_LIMIT_MS = 60_000;

// The SDK needs it, and Node 20 lacks it.
Promise.withResolvers ??= function withResolvers() {
  let resolve;
  let reject;
  const promise = new Promise((good, bad) => {
    resolve = good;
    reject = bad;
  });
  return { promise, resolve, reject };
};

let times = [];
let woke = () => undefined;

async function task(index) {
  times.push(performance.now());
  return { ok: true, index };
}

const service = restate.service({
  name: 'bench',
  handlers: {
    chain: async (context) => {
      let last;
      for (let i = 0; i < 10; i++) last = await context.run(`t${i}`, () => task(i));
      return last;
    },
    fan: async (context) => {
      await context.run('t0', () => task(0));
      const middle = Array.from({ length: 50 }, (_, i) =>
        context.run(`t${i + 1}`, () => task(i + 1)),
      );
      await restate.RestatePromise.all(middle);
      return context.run('t51', () => task(51));
    },
    nap: async (context, { index, due }) => {
      await context.sleep(Math.max(0, due - Date.now()));
      await context.run('wake', () => woke(index));
    },
  },
});

export async function open({ directory }) {
  const ports = await freePorts();
  const server = start(directory, ports);
  await restate.serve({ services: [service], port: ports.service, logger: () => undefined });
  await register(directory, server, ports);
  const at = clients.connect({ url: `http://127.0.0.1:${ports.ingress}` });
  const client = at.serviceClient({ name: 'bench' });
  const sender = at.serviceSendClient({ name: 'bench' });
  return {
    servers: { restate: server.pid },
    chain: (runs) => crowd(IN_FLIGHT, runs, () => client.chain()),
    fan: (runs) => crowd(IN_FLIGHT, runs, () => client.fan()),
    steps: async () => {
      times = [];
      await client.chain();
      return times;
    },
    one: async () => void (await client.chain()),
    sleep: async (runs, due, said) => {
      woke = said;
      await crowd(IN_FLIGHT, runs, (index) => sender.nap({ index, due: due(index) }));
    },
    close: () => stop(server),
  };
}

function start(directory, ports) {
  const manifest = createRequire(import.meta.url).resolve(
    `@restatedev/restate-server-${process.platform}-${process.arch}/package.json`,
  );
  const log = openSync(join(directory, 'restate.log'), 'a');
  const server = spawn(
    join(dirname(manifest), 'bin', 'restate-server'),
    ['--base-dir', directory, '--node-name', 'bench'],
    {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        RESTATE_BIND_IP: '127.0.0.1',
        RESTATE_BIND_PORT: String(ports.node),
        RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${ports.node}`,
        RESTATE_INGRESS__BIND_PORT: String(ports.ingress),
        RESTATE_ADMIN__BIND_PORT: String(ports.admin),
        RESTATE_DISABLE_TELEMETRY: 'true',
        DO_NOT_TRACK: '1',
        RUST_LOG: 'warn',
      },
    },
  );
  process.once('exit', () => server.kill('SIGKILL'));
  return server;
}

/** The server takes a moment to listen: asked until it answers. */
async function register(directory, server, ports) {
  const until = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      const reply = await fetch(`http://127.0.0.1:${ports.admin}/deployments`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ uri: `http://127.0.0.1:${ports.service}` }),
      });
      if (reply.ok) return;
      throw new Error(await reply.text());
    } catch (error) {
      if (Date.now() > until || server.exitCode !== null) {
        const log = readFileSync(join(directory, 'restate.log'), 'utf8').slice(-2_000);
        throw new Error(`the server does not start: ${log}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function stop(server) {
  const exit = once(server, 'exit');
  server.kill('SIGTERM');
  const killing = setTimeout(() => server.kill('SIGKILL'), 5_000);
  await exit;
  clearTimeout(killing);
}

async function freePorts() {
  const held = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const [called, ingress, admin, node] = held.map((server) => server.address().port);
  for (const server of held) server.close();
  return { service: called, ingress, admin, node };
}
