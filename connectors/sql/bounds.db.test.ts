/** No result is too large and no server too silent for a clear end. */
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contextOf, openServer, outcomeOf, type SqlServer } from './server.fixture.ts';
import { Border, MOST_MESSAGE_BYTES } from './wire.ts';

let server: SqlServer;
beforeAll(async () => {
  server = await openServer();
}, 120_000);
afterAll(async () => await server.close());

/** A way to the server that counts what comes back, and falls silent on a word of the client. */
async function openWay(silentOn?: string) {
  let bytes = 0;
  let isSilent = false;
  let fallSilent = () => {};
  const silence = new Promise<void>((resolve) => {
    fallSilent = resolve;
  });
  const proxy = createServer((near) => {
    const far = createConnection(server.socket);
    near.on('data', (data: Buffer) => {
      isSilent ||= silentOn !== undefined && data.includes(silentOn);
      if (isSilent) fallSilent();
      else far.write(data);
    });
    far.on('data', (data: Buffer) => {
      bytes += data.length;
      if (!near.write(data)) far.pause();
    });
    near.on('drain', () => far.resume());
    near.on('error', () => {}).on('close', () => far.destroy());
    far.on('error', () => {}).on('close', () => near.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `postgres://${server.login}@127.0.0.1:${port}/work`,
    silence,
    bytes: () => bytes,
    close: () => proxy.close(),
  };
}

const MANY = "select repeat('x', 100) as x from generate_series(1, 4000000)";
const TOO_LARGE = { class: 'rejected', code: 'output.too-large' };

test.each([
  ['sql.execute', { statement: MANY }],
  ['sql.query', { statement: MANY, limit: 10_000 }],
  ['sql.query', { statement: "select repeat('x', 50000000) as x from generate_series(1, 3)" }],
  ['sql.execute', { statement: "select repeat('x', 50000000) as x from generate_series(1, 3)" }],
  ['sql.execute', { statement: "select repeat('x', 900000) as x from generate_series(1, 300)" }],
  ['sql.execute', { statement: "do $$ begin raise exception '%', repeat('x', 50000000); end $$" }],
  ['sql.execute', { statement: "do $$ begin raise notice '%', repeat('x', 50000000); end $$" }],
])('%s of %j ends after a few MB', async (name, given) => {
  const way = await openWay();
  expect(await outcomeOf(name, given, contextOf(way.url))).toMatchObject(TOO_LARGE);
  expect(way.bytes()).toBeLessThan(16_000_000);
  way.close();
});

test('rows that nobody wants are not kept, however many there are', async () => {
  const statements = [
    { statement: "select repeat('x', 1000) as x from generate_series(1, 20000)" },
    { statement: 'select 1 as one' },
  ];
  expect(await outcomeOf('sql.execute', { statements }, contextOf(server.url))).toEqual({
    rowCount: 20_001,
    rows: [{ one: 1 }],
  });
});

test('a query takes no more rows than it gives', async () => {
  const way = await openWay();
  const given = { statement: MANY, limit: 500 };
  expect(await outcomeOf('sql.query', given, contextOf(way.url))).toMatchObject({
    rowCount: 500,
    truncated: true,
  });
  expect(way.bytes()).toBeLessThan(500_000);
  way.close();
});

test.each([
  'copy (select 1) to stdout',
  'copy pg_class from stdin',
  'copy tutti_markers from stdin',
])('%s is refused', async (statement) => {
  const outcome = await outcomeOf('sql.execute', { statement }, contextOf(server.url));
  expect(outcome).toMatchObject({ class: 'rejected' });
});

test.each(['sql.query', 'sql.execute'])('%s ends when nobody answers at all', async (name) => {
  const silent = createServer(() => {});
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo;
  const url = `postgres://nobody@127.0.0.1:${port}/work`;
  const given = { statement: 'select 1 as one', timeout: '50ms' };
  expect(await outcomeOf(name, given, contextOf(url))).toMatchObject({
    class: 'transient',
    code: 'sql.unreachable',
  });
  const abort = new AbortController();
  const context = contextOf(url, { signal: abort.signal });
  const ended = outcomeOf(name, { ...given, timeout: '1h' }, context);
  abort.abort();
  expect(await ended).toMatchObject({ class: 'failed', code: 'sql.cancelled' });
  silent.close();
});

test.each([
  ['sql.query', 'begin read only', 'timeout'],
  ['sql.query', 'select 1', 'timeout'],
  ['sql.execute', 'select 1', 'timeout'],
  ['sql.execute', 'commit\0', 'unknown'],
])('%s of a server that says nothing after %j ends as %s after it', async (name, word, kind) => {
  const way = await openWay(word);
  const given = { statement: 'select 1 as one', timeout: '200ms' };
  expect(await outcomeOf(name, given, contextOf(way.url))).toMatchObject({ class: kind });
  way.close();
});

test('a statement of a silent server can be cancelled', async () => {
  const way = await openWay('select 1');
  const abort = new AbortController();
  const context = contextOf(way.url, { signal: abort.signal });
  const ended = outcomeOf('sql.execute', { statement: 'select 1 as one' }, context);
  await way.silence;
  abort.abort();
  expect(await ended).toMatchObject({ class: 'failed', code: 'sql.cancelled' });
  way.close();
});

test('messages are followed wherever they are cut', () => {
  const message = (bytes: number) => {
    const buffer = Buffer.alloc(bytes + 5, 'x');
    buffer.writeUInt32BE(bytes + 4, 1);
    return buffer;
  };
  const good = Buffer.concat([message(0), message(300), message(MOST_MESSAGE_BYTES), message(7)]);
  for (const step of [1, 2, 3, 4, 5, 6, 999, good.length]) {
    const border = new Border();
    let passes = true;
    for (let at = 0; at < good.length; at += step) {
      passes &&= border.pass(good.subarray(at, at + step));
    }
    expect(passes).toBe(true);
    const bad = message(MOST_MESSAGE_BYTES + 1).subarray(0, 5);
    const passed = [...bad].map((_byte, at) => border.pass(bad.subarray(at, at + 1)));
    expect(passed).toEqual([true, true, true, true, false]);
  }
});
