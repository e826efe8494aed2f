/** What services answer with, in good faith and in bad: each ends, and says what is true. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createListener, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ActionContext, CallAction } from '../kit/index.ts';
import { http } from './connector.ts';
import { exchange } from './exchange.ts';
import { isLocal, LocalAddress } from './local.ts';
import { type HttpConfig, configSchema, targetOf } from './target.ts';

type Answer = (incoming: IncomingMessage, response: ServerResponse) => void;
const seen: IncomingMessage[] = [];
let answer: Answer = () => {};
let server: Server;
let base: string;

beforeAll(async () => {
  server = createServer((incoming, response) => {
    seen.push(incoming);
    incoming.resume().on('end', () => answer(incoming, response));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen.length = 0;
});

function replying(
  status: number,
  headers: Record<string, string> = {},
  body: string | Buffer = '',
) {
  answer = (_incoming, response) => response.writeHead(status, headers).end(body);
}

const [request] = http.actions;
const does = request?.does as CallAction<HttpConfig, unknown, unknown>;
async function outcomeOf(given: object, change: Partial<ActionContext<HttpConfig>> = {}) {
  const context: ActionContext<HttpConfig> = {
    key: 'r1:call:3',
    operation: 'r1:call:1',
    run: 'r1',
    task: 'call',
    attempt: 3,
    config: {},
    directory: tmpdir(),
    stateDirectory: tmpdir(),
    signal: new AbortController().signal,
    log: () => {},
    ...change,
  };
  const input = request?.input.parse({ url: base, ...given });
  return await does.call(context, input).catch((error: unknown) => error);
}

test.each([
  [500, {}, 'unknown'],
  [502, {}, 'unknown'],
  [503, {}, 'unknown'],
  [504, {}, 'unknown'],
  [520, {}, 'unknown'],
  [302, { location: '/ok' }, 'unknown'],
  [303, { location: '/ok' }, 'unknown'],
  [503, { 'retry-after': '1' }, 'transient'],
  [429, {}, 'transient'],
  [408, {}, 'transient'],
  [425, {}, 'transient'],
  [501, {}, 'rejected'],
  [505, {}, 'rejected'],
  [301, { location: '/ok' }, 'rejected'],
  [409, {}, 'rejected'],
  [407, {}, 'auth'],
] as const)(
  'a POST answered with %i %j is %s; the same that may be repeated is not unknown',
  async (status, headers, kind) => {
    replying(status, headers);
    expect(await outcomeOf({ method: 'POST' })).toMatchObject({ class: kind });
    expect(await outcomeOf({ method: 'PATCH' })).toMatchObject({ class: kind });
    const repeated = await outcomeOf({ method: 'POST', idempotent: true });
    expect(repeated).not.toMatchObject({ class: 'unknown' });
    const stated = { transient: ['5xx'], ok: ['3xx'] };
    const said = await outcomeOf({ method: 'POST', status: stated });
    expect(said).not.toMatchObject({ class: 'unknown' });
  },
);

test('the key is the same over attempts; the caller keeps his own, also for `locate`', async () => {
  replying(200, {}, '{}');
  await outcomeOf({ method: 'POST' });
  await outcomeOf({ method: 'POST' }, { key: 'r1:call:4' });
  await outcomeOf({ method: 'POST', headers: { 'Idempotency-Key': 'mine' } });
  const locate = { url: `${base}/by?key={key}` };
  const input = request?.input.parse({
    url: base,
    headers: { 'idempotency-KEY': 'my own' },
    locate,
  });
  await does.locate?.(
    { key: 'k', config: {}, signal: new AbortController().signal } as never,
    input,
  );
  expect(seen.map(({ headers, url }) => [headers['idempotency-key'], url])).toEqual([
    ['r1:call:1', '/'],
    ['r1:call:1', '/'],
    ['mine', '/'],
    ['k', '/by?key=my%20own'],
  ]);
});

/** A service that knows no HTTP: it says what it is told, and then what is told. */
async function outcomeFrom(speak: (socket: Socket) => void, given: object = {}) {
  const listener = createListener((socket) => {
    socket.on('error', () => {}).once('data', () => speak(socket));
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  const outcome = await outcomeOf({ url: `http://127.0.0.1:${port}/`, timeout: '300ms', ...given });
  listener.close();
  return outcome;
}

const UPGRADE = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';
const STREAMS: readonly (readonly [string, (socket: Socket) => void, string])[] = [
  ['101', (socket) => socket.write(UPGRADE), 'rejected'],
  ['101 and the end', (socket) => socket.end(UPGRADE), 'rejected'],
  ['an end without answer', (socket) => socket.end(), 'transient'],
  ['a reset', (socket) => socket.resetAndDestroy(), 'transient'],
  ['103 and silence', (socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 'transient'],
  ['100 and the end', (socket) => socket.end('HTTP/1.1 100 Continue\r\n\r\n'), 'transient'],
  ['half a head', (socket) => socket.end('HTTP/1.1 200 O'), 'transient'],
  [
    'half a body',
    (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'),
    'transient',
  ],
  [
    'half a chunk',
    (socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{'),
    'transient',
  ],
  ['no HTTP', (socket) => socket.end('SSH-2.0-x\r\n'), 'transient'],
  [
    'a body without end',
    (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'),
    'transient',
  ],
];
test.each(STREAMS)('%s ends', async (_title, speak, kind) => {
  expect(await outcomeFrom(speak)).toMatchObject({ class: kind });
  expect(await outcomeFrom(speak, { method: 'POST' })).toMatchObject({ class: 'unknown' });
});

const JSON_BODY = '{"rows":12,"ö":"ü"}';
test.each([
  ['gzip', gzipSync(JSON_BODY)],
  ['x-gzip', gzipSync(JSON_BODY)],
  ['GZIP', gzipSync(JSON_BODY)],
  ['br', brotliCompressSync(JSON_BODY)],
  ['deflate', deflateSync(JSON_BODY)],
  ['deflate', deflateRawSync(JSON_BODY)],
  ['gzip, br', brotliCompressSync(gzipSync(JSON_BODY))],
  ['identity', Buffer.from(JSON_BODY)],
])('a reply that is packed as %s is read', async (encoding, body) => {
  replying(200, { 'content-encoding': encoding }, body);
  expect(await outcomeOf({})).toMatchObject({ body: { rows: 12, ö: 'ü' } });
});

test.each([
  ['zstd', Buffer.from('x'), 'http.encoding', 'zstd'],
  ['gzip', Buffer.from(JSON_BODY), 'http.encoding', 'gzip'],
  ['gzip', gzipSync(JSON_BODY).subarray(0, 20), 'http.encoding', 'gzip'],
  ['constructor', Buffer.from('x'), 'http.encoding', 'constructor'],
  ['gzip', gzipSync(Buffer.alloc(50_000_000)), 'output.too-large', '256 kB'],
  ['br', brotliCompressSync(Buffer.alloc(50_000_000)), 'output.too-large', '256 kB'],
  ['gzip,gzip,gzip,gzip', Buffer.from('x'), 'http.encoding', 'too many'],
] as const)(
  'a reply that cannot be unpacked from %s is refused by name',
  async (encoding, body, code, word) => {
    replying(200, { 'content-encoding': encoding }, body);
    const outcome = await outcomeOf({});
    expect(outcome).toMatchObject({ class: 'rejected', code });
    expect(String(outcome)).toContain(word);
    const none = await outcomeOf({ output: 'none' });
    expect(none).toMatchObject({ status: 200, body: null });
  },
);

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);
test.each([
  ['application/json', Buffer.concat([MARK, Buffer.from(JSON_BODY)])],
  ['application/json; charset=utf-8', Buffer.from(JSON_BODY)],
  ['application/json; charset=ISO-8859-1', Buffer.from(JSON_BODY, 'latin1')],
  ['application/json; charset="utf-16le"', Buffer.from(JSON_BODY, 'utf16le')],
  ['application/json', Buffer.from(`\ufeff${JSON_BODY}`, 'utf16le')],
])('a reply of %s is decoded', async (type, body) => {
  replying(200, { 'content-type': type }, body);
  expect(await outcomeOf({})).toMatchObject({ body: { rows: 12, ö: 'ü' } });
});

test.each([
  ['text/plain', Buffer.from('ü', 'latin1'), 'not UTF-8'],
  ['text/plain; charset=klingon', Buffer.from('x'), 'klingon'],
  ['text/plain', Buffer.from('a\0b'), 'U+0000'],
])('a reply of %s that cannot be decoded is refused by name', async (type, body, word) => {
  replying(200, { 'content-type': type }, body);
  const outcome = await outcomeOf({ output: 'text' });
  expect(outcome).toMatchObject({ class: 'rejected', code: 'http.encoding' });
  expect(String(outcome)).toContain(word);
  replying(500, { 'content-type': type }, body);
  const failed = await outcomeOf({});
  expect(JSON.stringify(failed)).not.toContain(String.raw`\u0000`);
});

test.each([
  ['{"n":9007199254740993}', '2^53'],
  ['[1e999]', 'too large'],
  ['{"a":1,"a":2}', 'twice'],
  ['{"__proto__":1}', '__proto__'],
  [`${'['.repeat(9000)}${']'.repeat(9000)}`, 'nested'],
  ['"\\u0000"', 'U+0000'],
  ['{} x', 'end of the JSON'],
])('JSON that cannot be kept is refused: %.30s', async (body, word) => {
  replying(200, {}, body);
  const outcome = await outcomeOf({});
  expect(outcome).toMatchObject({ class: 'rejected', code: 'http.not-json' });
  expect(String(outcome)).toContain(word);
});

test.each([
  'content-length',
  'Transfer-Encoding',
  'HOST',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'proxy-authorization',
])('no task and no system sets %s', (name) => {
  const headers = { [name]: 'x' };
  expect(request?.input.safeParse({ url: base, headers }).error?.issues).toHaveLength(1);
  expect(configSchema.safeParse({ 'base-url': base, headers }).success).toBe(false);
});

test('a header may be a number', async () => {
  replying(200);
  await outcomeOf({ headers: { 'x-amount': 250, 'x-dry': false } });
  expect(seen[0]?.headers).toMatchObject({ 'x-amount': '250', 'x-dry': 'false' });
});

const SYSTEM = { 'base-url': 'https://erp.example.com/api/v1', token: 't' };
test.each([
  ['orders', 'https://erp.example.com/api/v1/orders'],
  ['/orders', 'https://erp.example.com/api/v1/orders'],
  ['orders/a%2Fb?x=../y', 'https://erp.example.com/api/v1/orders/a%2Fb?x=../y'],
  ['orders/../customers', 'https://erp.example.com/api/v1/customers'],
  ['https://erp.example.com/api/v1/x', 'https://erp.example.com/api/v1/x'],
  ['orders/..x', 'https://erp.example.com/api/v1/orders/..x'],
])('%s is below the base-url', (url, expected) => {
  expect(targetOf(SYSTEM, url, {}).href).toBe(expected);
});

test.each([
  '../admin',
  '..',
  '/../admin',
  'orders/../../../admin',
  '%2e%2e/admin',
  '..%2fadmin',
  'orders/..%2f..%2f..%2fadmin',
  'orders/..%5c..%5cadmin',
  'orders/%252e%252e%252f%252e%252e/admin',
  'orders/..;/..;/admin',
  '..\\admin',
  '//evil.example/api/v1/x',
  '\\\\evil.example/api/v1/x',
  'https:/\t/evil.example/api/v1/',
  'https://erp.example.com/api/v1x',
  'https://erp.example.com/api/',
  'http://erp.example.com/api/v1/x',
  'https://erp.example.com:444/api/v1/x',
  'https://erp.example.com@evil.example/api/v1/x',
])('%s is not', (url) => {
  expect(() => targetOf(SYSTEM, url, {})).toThrow(/base-url|another spelling/);
});

test('a redirect leads to no place that the URL could not have named', async () => {
  const config = { 'base-url': `${base}/api/v1`, token: 'planted-token' };
  for (const location of ['/outside', '/api/v1evil', '../../out']) {
    replying(302, { location });
    expect(await outcomeOf({ url: 'x' }, { config })).toMatchObject({ code: 'http.redirect' });
  }
  expect(seen.every(({ url }) => url?.startsWith('/api/v1/'))).toBe(true);
});

test('what is shown of an answer is blackened before it is cut', async () => {
  const secret = 'planted-token-that-is-cut';
  replying(400, {}, `${'x'.repeat(990)}${secret}`);
  const outcome = await outcomeOf(
    { output: 'text' },
    { redact: (text: string) => text.replaceAll(secret, '***') },
  );
  expect(JSON.stringify(outcome)).not.toContain('planted');
});

test('redirects to another host take nothing along, and nothing but reading', async () => {
  const other = createServer((incoming, response) => {
    seen.push(incoming);
    response.end('{}');
  });
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/there`;
  for (const status of [301, 302, 303, 307, 308]) {
    replying(status, { location });
    expect(await outcomeOf({ headers: { Accept: 'a/b' } })).toMatchObject({ status: 200 });
    expect(seen.at(-1)?.headers).toMatchObject({ accept: 'a/b' });
    expect(seen.at(-1)?.headers).not.toHaveProperty('idempotency-key');
    for (const headers of [{ Cookie: 'a=b' }, { 'X-Anything': 'x' }, { 'My-Pass': 'x' }]) {
      expect(await outcomeOf({ headers })).toMatchObject({ code: 'http.redirect' });
    }
    const config = { 'base-url': base, headers: { 'X-Plain': 'x' } };
    expect(await outcomeOf({ url: base }, { config })).toMatchObject({ code: 'http.redirect' });
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    replying(307, { location });
    expect(await outcomeOf({ method })).toMatchObject({ class: 'rejected', code: 'http.redirect' });
  }
  other.close();
  expect(seen.filter(({ url }) => url === '/there')).toHaveLength(5);
});

test.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['0.0.0.0', true],
  ['169.254.169.254', true],
  ['[::1]', true],
  ['::', true],
  ['fe80::1%eth0', true],
  ['::ffff:127.0.0.1', true],
  ['[::ffff:7f00:1]', true],
  ['93.184.216.34', false],
  ['2001:db8::1', false],
  ['localhost', false],
  ['', false],
])('%s is this machine: %s', (address, expected) => {
  expect(isLocal(address)).toBe(expected);
});

test.each([
  'http://127.0.0.1:1/',
  'http://[::1]:1/',
  'http://localhost:1/',
  'http://2130706433:1/',
])('what a service elsewhere sends to %s does not arrive', async (url) => {
  const sent = exchange({
    method: 'GET',
    url: new URL(url),
    headers: {},
    body: undefined,
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    repeatable: true,
    mayLeave: () => true,
    elsewhere: true,
  });
  await expect(sent).rejects.toBeInstanceOf(LocalAddress);
});
