/** Whatever is sent: what is no success is a problem document with a code of the catalogue. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CATALOGUE } from '../model/errors.ts';
import { ACCESS, FakeServices } from './services.fake.ts';
import type { App } from './app.ts';
import { createApp, listen } from './server.ts';

let app: App;
let port: number;
beforeAll(async () => {
  app = await createApp(new FakeServices(), { access: ACCESS, version: '0', silenceMs: 500 });
  ({ port } = await listen(app, '127.0.0.1', 0));
});
afterAll(() => app.close());

/** The bytes that come back until the server ends the connection. */
function send(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

const ADDRESS = '127.0.0.1';
/** A request of an operator; the connection ends with its answer. */
function request(first: string, headers: readonly string[] = [], body = ''): string {
  const lines = [
    `${first} HTTP/1.1`,
    `host: ${ADDRESS}`,
    `authorization: Bearer ${ACCESS.token}`,
    'connection: close',
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
const JSON_TYPE = 'content-type: application/json';
const runs = (...headers: string[]) => request('POST /api/v1/runs', headers);
const bodied = (type: string, body: string) =>
  request('POST /api/v1/runs', [type, `content-length: ${body.length}`], body);

const CASES: readonly (readonly [string, string, number, string])[] = [
  ['% that encodes nothing', request('GET /api/v1/runs/%ff'), 400, 'request.invalid'],
  ['half an encoding', request('GET /api/v1/runs/%e'), 400, 'request.invalid'],
  ['the same outside of the API', request('GET /%c0%ae'), 400, 'request.invalid'],
  [
    'the same with a body',
    request('POST /api/v1/runs/%ff/hold', [JSON_TYPE, 'content-length: 2'], '{}'),
    400,
    'request.invalid',
  ],
  [
    'a long part of a path',
    request(`GET /api/v1/runs/${'x'.repeat(3000)}`),
    400,
    'request.invalid',
  ],
  ['no such address', request('GET /nowhere'), 404, 'route.unknown'],
  [
    'no such page of the documentation',
    request('GET /api/docs/static/nothing.js'),
    404,
    'route.unknown',
  ],
  ['another method', request('DELETE /api/v1/runs'), 405, 'route.wrong-method'],
  ['OPTIONS', request('OPTIONS /api/v1/runs/r-1'), 405, 'route.wrong-method'],
  ['OPTIONS of all', request('OPTIONS *'), 404, 'route.unknown'],
  ['a method of WebDAV', request('PROPFIND /api/v1/runs'), 405, 'route.wrong-method'],
  ['TRACE', request('TRACE /api/v1/runs'), 405, 'route.wrong-method'],
  ['CONNECT', request('CONNECT example.com:443'), 405, 'route.wrong-method'],
  [
    'an upgrade',
    request('GET /nowhere', ['upgrade: websocket', 'connection: upgrade, close']),
    404,
    'route.unknown',
  ],
  ['another media type', bodied('content-type: text/plain', 'a'), 400, 'request.invalid'],
  ['no media type', bodied('x-none: 1', 'a'), 400, 'request.invalid'],
  ['a media type that is none', bodied('content-type: ;;', 'a'), 400, 'request.invalid'],
  ['no JSON', bodied(JSON_TYPE, '{'), 400, 'request.invalid'],
  ['an empty body', bodied(JSON_TYPE, ''), 400, 'request.invalid'],
  [
    'a body that is too large',
    runs(JSON_TYPE, 'content-length: 99999999'),
    413,
    'request.too-large',
  ],
  ['a length that is none', runs(JSON_TYPE, 'content-length: x'), 400, 'request.invalid'],
  ['two lengths', runs('content-length: 1', 'content-length: 2'), 400, 'request.invalid'],
  [
    'length and chunks',
    runs('content-length: 1', 'transfer-encoding: chunked'),
    400,
    'request.invalid',
  ],
  [
    'a chunk that is none',
    request('POST /api/v1/runs', [JSON_TYPE, 'transfer-encoding: chunked'], 'zz\r\n'),
    400,
    'request.invalid',
  ],
  ['an unknown encoding', runs('transfer-encoding: rot13'), 400, 'request.invalid'],
  ['an unknown expectation', runs('expect: 200-ok', 'content-length: 0'), 400, 'request.invalid'],
  [
    'a header that is too large',
    runs(`x-long: ${'x'.repeat(20_000)}`),
    431,
    'request.head-too-large',
  ],
  [
    'an address that is too large',
    request(`GET /${'x'.repeat(20_000)}`),
    431,
    'request.head-too-large',
  ],
  ['no host', 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n', 403, 'request.foreign'],
  ['two hosts', request('GET /healthz', ['host: localhost']), 400, 'request.invalid'],
  ['a target elsewhere', request('GET http://evil/healthz'), 400, 'request.invalid'],
  [
    'half a body',
    request('POST /api/v1/runs', [JSON_TYPE, 'content-length: 100'], '{'),
    408,
    'request.too-slow',
  ],
  ['no HTTP', 'hello\r\n\r\n', 400, 'request.invalid'],
  ['an unknown version', 'GET / HTTP/9.9\r\n\r\n', 400, 'request.invalid'],
  ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000', 400, 'request.invalid'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'request.invalid'],
  ['a header without a colon', runs('nothing'), 400, 'request.invalid'],
  ['a control character in a header', runs('x-odd: \u0001'), 400, 'request.invalid'],
  ['a head that does not end', 'GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n', 408, 'request.too-slow'],
  ['a stranger', 'GET /api/v1/runs HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n', 401, 'auth.required'],
  ['a stranger nowhere', 'GET /nowhere HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n', 401, 'auth.required'],
];

describe('what is no success', () => {
  it.each(CASES)('is a problem document: %s', async (_name, text, status, code) => {
    const answer = await send(text);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head.split('\r\n')[0]).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head.toLowerCase()).toContain('content-type: application/problem+json');
    expect(head.toLowerCase()).toContain('x-content-type-options: nosniff');
    const problem = JSON.parse(body);
    expect(problem).toMatchObject({ code, status, problems: expect.any(Array) });
    expect(Object.keys(CATALOGUE)).toContain(problem.code);
    expect(problem.detail).toMatch(/^[A-Z/]/);
    expect(problem.detail).not.toMatch(/FST_|HPE_|Parse Error/);
  });

  it('has no body for HEAD, and its length', async () => {
    for (const path of ['/nowhere', '/api/v1/runs/%ff', '/api/v1/runs?limt=5']) {
      const answer = await send(request(`HEAD ${path}`));
      expect(answer).toMatch(/^HTTP\/1.1 4\d\d /);
      expect(answer.toLowerCase()).toContain('application/problem+json');
      expect(answer.split('\r\n\r\n')[1]).toBe('');
    }
  });

  it('says which methods there are', async () => {
    const answer = await send(request('PUT /api/v1/runs'));
    expect(answer.toLowerCase()).toMatch(/allow: (get, head, post|post, get, head)/);
  });
});

it('says that it stops to who asks while it closes', async () => {
  const services = new FakeServices();
  const closing = await createApp(services, { access: ACCESS, version: '0' });
  const server = await listen(closing, '127.0.0.1', 0);
  const socket = connect(server.port, '127.0.0.1');
  let answer = '';
  const over = new Promise<void>((resolve) => {
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    // A connection that is closed with the second request unread is reset.
    socket.on('error', () => {}).on('close', () => resolve());
  });
  // The first is being answered while the server begins to close; the second comes behind it.
  const wait = `GET /api/v1/runs/r-1/events?after=0&wait=30s HTTP/1.1\r\nhost: ${ADDRESS}\r\nauthorization: Bearer ${ACCESS.token}\r\n\r\n`;
  socket.write(wait);
  await services.waiting;
  socket.write(request('GET /api/v1/runs'));
  const closed = server.close();
  await over;
  await closed;
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  const second = answer.slice(answer.lastIndexOf('HTTP/1.1'));
  if (second.startsWith('HTTP/1.1 200')) return;
  expect(second).toContain('application/problem+json');
  expect(second).toContain('node.stopping');
});
