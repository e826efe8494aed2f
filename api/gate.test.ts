/** Who gets in, by what they show. The rights themselves are `kernel/authority.test.ts`. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUTHORITY } from '../kernel/authority.ts';
import { OPERATIONS, pathOf } from '../protocol/routes.ts';
import type { Route } from '../protocol/route.ts';
import { jobToken, nodeToken, proofOf, sessionToken } from './credentials.ts';
import { ACCESS, FakeServices, OPEN, SUMMARY } from './services.fake.ts';
import type { App } from './app.ts';
import { createApp, listen } from './server.ts';

let services: FakeServices;
let app: App;
beforeEach(async () => {
  services = new FakeServices();
  app = await createApp(services, { access: ACCESS, version: '0', silenceMs: 200 });
});
afterEach(() => app.close());

type Headers = Record<string, string>;
const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });
const cookie = (token: string): Headers => ({
  cookie: `other=1; tutti-session=${token}`,
  origin: 'http://localhost:80',
});
const LATER = Date.now() + 3_600_000;
const OPERATOR = bearer(ACCESS.token);
const JOB = bearer(jobToken(ACCESS, 'r-1'));
const SESSION = cookie(sessionToken(ACCESS, 'eve', LATER));

function pathTo(route: Route, run: string): string {
  const path = pathOf(route).replace(':run', run).replaceAll(/:\w+/g, 'x');
  const { querystring } = route.schema;
  const name = ['run', 'id'].find((one) => Object.hasOwn(querystring?.shape ?? {}, one));
  return name === undefined ? path : `${path}?${name}=${run}`;
}

async function ask(method: 'GET' | 'POST', url: string, headers: Headers, payload?: object) {
  const given = payload === undefined ? {} : { payload };
  const answer = await app.inject({
    method,
    url,
    headers: { host: 'localhost:80', ...headers },
    ...given,
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.body };
}

describe('every operation', () => {
  // A stream does not end by itself.
  const all = OPERATIONS.filter(([operation]) => operation !== 'streamEvents');
  it.each(all)('%s asks who is there', async (operation, route) => {
    const right = AUTHORITY[operation];
    const status = async (headers: Headers, run = 'r-1') =>
      (await ask(route.method, pathTo(route, run), headers)).status;
    const strangers: Headers[] = [
      {},
      { 'x-tutti-actor': 'cfo' },
      bearer('wrong'),
      bearer(`${ACCESS.token}x`),
      bearer(jobToken({ ...ACCESS, nodeKey: new Uint8Array(32) }, 'r-1')),
      bearer(nodeToken(ACCESS, 'west', 'http://elsewhere')),
      bearer(sessionToken(ACCESS, 'eve', LATER)),
      cookie(ACCESS.token),
      cookie(sessionToken(ACCESS, 'eve', Date.now())),
      cookie(jobToken(ACCESS, 'r-1')),
    ];
    for (const headers of strangers) {
      const isStopped = (await status(headers)) === 401;
      expect([headers, isStopped]).toEqual([headers, right.anyone === 'no']);
    }
    expect(await status(OPERATOR)).not.toBe(401);
    expect(await status(OPERATOR)).not.toBe(403);
    expect((await status(SESSION)) === 403).toBe(right.session === 'no');
    expect((await status(JOB)) === 403).toBe(right.job === 'no');
    expect((await status(JOB, 'r-2')) === 403).toBe(right.job !== 'yes');
    expect((await status(bearer(nodeToken(ACCESS, 'w', 'http://127.0.0.1:7700')))) === 403).toBe(
      right.node === 'no',
    );
  });

  it.each([
    '/metrics',
    '/api/docs',
    '/api/docs/static/index.html',
    '/api/openapi.json',
    '/docs/errors',
    '/',
    '/nothing',
  ])('so does %s', async (url) => {
    const answer = await ask('GET', url, {});
    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': /^Bearer/ } });
    expect((await ask('GET', url, OPERATOR)).status).not.toBe(401);
  });
});

it('does not read what a stranger sends', async () => {
  const payload = { source: 'x'.repeat(40 * 1024 * 1024) };
  const answer = await ask('POST', '/api/v1/workflows', {}, payload);
  expect(answer).toMatchObject({ status: 401, headers: { connection: 'close' } });
});

it('does not come into being with a route that stands in no table', () => {
  expect(() => app.get('/secret', async () => 'x')).toThrow('stands in no table of authority');
});

describe('the actor', () => {
  const hold = (headers: Headers) =>
    ask('POST', '/api/v1/runs/r-1/hold', { 'x-tutti-actor': 'cfo', ...headers });
  it.each<[string, Headers, object]>([
    ['is named by an operator', OPERATOR, { actor: 'cfo', through: 'token' }],
    ['is whom the link was made for', SESSION, { actor: 'eve', through: 'session' }],
    ['is the run of a job', JOB, { actor: 'run r-1', through: 'job' }],
  ])('%s', async (_, headers, by) => {
    expect(await hold(headers)).toMatchObject({ status: 200 });
    expect(services.commands).toEqual([{ type: 'HoldRun', run: 'r-1', by }]);
  });

  it('is an operator without a name', async () => {
    await ask('POST', '/api/v1/runs/r-1/hold', OPERATOR);
    expect(services.commands).toMatchObject([{ by: { actor: 'operator' } }]);
  });
});

it('closes to a job when its run is over', async () => {
  expect((await ask('GET', '/api/v1/runs/r-1', JOB)).status).toBe(200);
  services.summary = { ...SUMMARY, status: 'succeeded' };
  expect((await ask('GET', '/api/v1/runs/r-1', JOB)).status).toBe(401);
});

it('finds a job its run by the beginning that is all of its id, and no other', async () => {
  expect((await ask('GET', '/api/v1/runs?id=r-1', JOB)).status).toBe(200);
  for (const query of ['', '?id=r-', '?id=r-1&id=r-2', '?run=r-1']) {
    expect((await ask('GET', `/api/v1/runs${query}`, JOB)).status).toBe(403);
  }
});

it('does not replay to one who asks what another was answered', async () => {
  const key = { 'idempotency-key': 'k' };
  expect(await ask('POST', '/api/v1/runs/r-1/hold', { ...OPERATOR, ...key })).toMatchObject({
    status: 200,
  });
  for (const other of [JOB, SESSION]) {
    expect(await ask('POST', '/api/v1/runs/r-1/hold', { ...other, ...key })).toMatchObject({
      status: 422,
    });
  }
});

describe('a browser', () => {
  const link = async () =>
    JSON.parse(
      (await ask('POST', '/api/v1/links', { ...OPERATOR, 'x-tutti-actor': 'eve' })).body,
    ) as {
      path: string;
    };

  it('gets in by a link, once', async () => {
    const { path } = await link();
    const first = await ask('GET', path, {});
    expect(first).toMatchObject({ status: 303, headers: { location: '/api/docs' } });
    const [shown = '', ...terms] = String(first.headers['set-cookie']).split('; ');
    expect(terms).toEqual(expect.arrayContaining(['Path=/', 'HttpOnly', 'SameSite=Strict']));
    expect((await ask('GET', '/api/v1/runs', { cookie: shown })).status).toBe(200);
    expect((await ask('GET', path, {})).status).toBe(401);
    expect((await ask('GET', '/enter', {})).status).toBe(401);
    expect((await ask('GET', '/enter?link=a&link=b', {})).status).toBe(401);
  });

  it('that was led here by another page is led on by one of ours, with its cookie', async () => {
    const visit = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    const answer = await ask('GET', (await link()).path, visit);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).toContain('content="0;url=/api/docs"');
    expect(String(answer.headers['set-cookie'])).toContain('SameSite=Strict');
  });

  it('must say which page wants to change something', async () => {
    const { origin: _, ...silent } = SESSION;
    expect((await ask('POST', '/api/v1/runs/r-1/hold', silent)).status).toBe(403);
    expect(services.commands).toEqual([]);
  });

  it.each(['same-site', 'cross-site'])('is refused what a %s page wants', async (site) => {
    for (const mode of ['no-cors', 'cors', 'navigate']) {
      const { origin: _, ...headers } = SESSION;
      const dest = mode === 'navigate' ? 'iframe' : 'image';
      const fetched = { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest };
      expect((await ask('GET', '/api/v1/runs', { ...headers, ...fetched })).status).toBe(403);
    }
  });

  it('may neither guess nor show elsewhere what it is answered', async () => {
    for (const url of ['/api/v1/runs', '/healthz', '/nothing', '/api/docs/static/index.html']) {
      expect((await ask('GET', url, OPERATOR)).headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
      });
    }
  });
});

it('tells a probe that it stalls, and whoever shows a token why', async () => {
  services.stalled = ['The disk is full.'];
  const told = await ask('GET', '/readyz', {});
  expect(told.status).toBe(503);
  expect(told.body).not.toContain('disk');
  expect(JSON.parse(told.body)).toMatchObject({ status: 'stalled', auth: 'token' });
  expect((await ask('GET', '/readyz', OPERATOR)).body).toContain('The disk is full.');
});

it('proves at the address that it listens at that it knows the token, and at no other', async () => {
  const server = await listen(app, '127.0.0.1', 0);
  const challenge = 'a'.repeat(64);
  const hello = async (host: string) =>
    (await ask('GET', `/api/v1/hello?challenge=${challenge}`, { host })).body;
  const here = `127.0.0.1:${server.port}`;
  expect(JSON.parse(await hello(here))).toEqual({ proof: proofOf(ACCESS.token, challenge, here) });
  // Somebody else may listen there, and pass on what is asked.
  for (const host of ['127.0.0.1:1', `localhost:${server.port}`, `[::1]:${server.port}`]) {
    expect(await hello(host)).toContain('request.foreign');
  }
});

it('says in every answer that it is not an approval, when it does not', async () => {
  const open = await createApp(services, { access: OPEN, version: '0' });
  const answer = await open.inject({ url: '/api/v1/runs' });
  expect(answer).toMatchObject({ statusCode: 200, headers: { 'tutti-auth': 'none' } });
  expect((await open.inject({ url: '/readyz' })).json()).toMatchObject({ auth: 'none' });
  await open.close();
});

describe('connections', () => {
  /** What is said before the connection is closed by the other side. */
  const closing = async (port: number, words: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    let said = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    socket.on('error', () => undefined).write(words);
    await once(socket, 'close');
    return said;
  };

  it('of strangers are answered and closed without waiting for a body', async () => {
    const { port } = await listen(app, '127.0.0.1', 0);
    const head = `POST /api/v1/runs HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-length: 99\r\n\r\n{`;
    expect(await closing(port, head)).toContain('HTTP/1.1 401');
  });

  it('of one who is known are answered and closed when a body stops coming', async () => {
    const { port } = await listen(app, '127.0.0.1', 0);
    const shown = `authorization: Bearer ${ACCESS.token}`;
    const json = 'content-type: application/json';
    const words = `POST /api/v1/runs HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${shown}\r\n${json}\r\ncontent-length: 99\r\n\r\n{`;
    expect(await closing(port, words)).toContain('request.too-slow');
  });

  it('that begin a request and do not go on are closed', async () => {
    const { port } = await listen(app, '127.0.0.1', 0);
    expect(await closing(port, 'GET /api/v1/ru')).toContain('408');
  });
});
