/** What systems do to the node that calls them: silence, floods, other protocols, lies. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import {
  type AddressInfo,
  createServer as createListener,
  type Server,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionUrl } from '../../journal/connection-string.ts';
import { openTestbed, type Testbed } from '../../journal/testbed.ts';
import { type Attacked, underAttack } from './harness.ts';

let attacked: Attacked;
let testbed: Testbed;
let folder: string;
const servers: Server[] = [];
const sockets = new Set<Socket>();
const orders: (string | undefined)[] = [];

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

const TASKS: Readonly<Record<string, string>> = {
  flood: `system: ledger, action: sql.execute, with: { statement: "select repeat('x', 100) as x from generate_series(1, 2000000)" }`,
  cells: `system: ledger, action: sql.query, with: { statement: "select repeat('x', 50000000) as x from generate_series(1, 3)" }`,
  hidden: `system: ledger, action: sql.execute, with: { statements: [{ statement: create table attacked (n int) }, { statement: ";commit" }] }, retry: { attempts: 3, delay: 1s }`,
  mute: `system: mute, action: sql.execute, with: { statement: select 1 as one, timeout: 1s }, timeout: 3s`,
  silent: `system: mute, action: sql.query, with: { statement: select 1 as one, timeout: 1s }, timeout: 3s`,
  upgrade: `system: upgrader, action: http.request, with: { url: x, timeout: 2s }, timeout: 3s`,
  post: `system: odd, action: http.request, with: { url: orders, method: POST }, retry: { attempts: 3, delay: 1s }`,
  away: `system: odd, action: http.request, with: { url: away, method: POST }`,
  walk: `action: file.wait, with: { path: "/**/there-is-no-such-file", timeout: 1s }`,
};

beforeAll(async () => {
  testbed = await openTestbed();
  folder = mkdtempSync(join(tmpdir(), 'tutti-services-'));
  const upgrader = createListener((socket) => {
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    );
  });
  const odd = createServer((incoming, response) => {
    incoming.resume();
    if (incoming.url === '/orders') {
      orders.push(incoming.headers['idempotency-key'] as string | undefined);
      response.writeHead(500).end();
    } else {
      const run = String(incoming.headers['idempotency-key']).split(':')[0];
      const location = `${attacked.url()}/api/v1/runs/${run}/hold`;
      response.writeHead(307, { location }).end();
    }
  });
  const systems = [
    `ledger: { kind: sql, url: "${connectionUrl(await testbed.database())}" }`,
    `mute: { kind: sql, url: "postgres://nobody@127.0.0.1:${await portOf(createListener())}/work" }`,
    `upgrader: { kind: http, base-url: "http://127.0.0.1:${await portOf(upgrader)}" }`,
    `odd: { kind: http, base-url: "http://127.0.0.1:${await portOf(odd)}" }`,
  ];
  const systemsFile = join(folder, 'systems.yaml');
  writeFileSync(systemsFile, `${systems.join('\n')}\n`);
  attacked = await underAttack({ systemsFile });
  for (const [name, task] of Object.entries(TASKS)) {
    await attacked.deploy(`workflow: ${name}\ntasks:\n  guilty: { ${task} }\n`);
  }
}, 120_000);
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  await attacked.close();
  await testbed.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a system that behaves badly', () => {
  it.each([
    ['flood', 'rejected', 'output.too-large'],
    ['cells', 'rejected', 'output.too-large'],
    ['hidden', 'rejected', 'sql.transaction'],
    ['mute', 'transient', 'sql.unreachable'],
    ['silent', 'transient', 'sql.unreachable'],
    ['upgrade', 'rejected', 'http.status'],
    ['away', 'rejected', 'http.redirect'],
    ['walk', 'timeout', 'file.timeout'],
  ])(
    '%s ends as %s, and nobody else notices',
    async (workflow, kind, code) => {
      const run = await attacked.start(workflow);
      expect(await attacked.ended(run)).toBe('failed');
      const { taskViews, events } = await attacked.show(run);
      expect(taskViews[0]).toMatchObject({ attempt: 1, failure: { class: kind, code } });
      expect(JSON.stringify(events ?? [])).not.toContain('RunHeld');
      await attacked.survived({ guilty: run });
    },
    60_000,
  );

  it('an order that was answered with 500 is not made twice, and a person decides', async () => {
    const run = await attacked.start('post');
    await attacked.survived({ guilty: run });
    expect(orders).toEqual([`${run}:guilty:1`]);
  });
});
