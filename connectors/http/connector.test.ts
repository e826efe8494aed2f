/** The contract, against a real server with faults on the wire. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createListener, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { conformance, type Counterpart } from '../kit/conformance.ts';
import type { ActionContext, CallAction } from '../kit/index.ts';
import { http } from './connector.ts';
import { meaningOf, retryAfterMs } from './status.ts';
import { type HttpConfig, configSchema } from './target.ts';

/** What was created, by Idempotency-Key; and what was seen. */
const created = new Map<string, number>();
const seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] =
  [];
let server: Server;
let base: string;

function json(response: ServerResponse, status: number, value: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

const hearing = new Map<string, () => void>();
/** Resolves when the server has got a request for it. */
async function heard(path: string): Promise<void> {
  if (seen.some(({ url }) => url === `${base}${path}`)) return;
  await new Promise<void>((resolve) => hearing.set(`${base}${path}`, resolve));
}

type Handler = (incoming: IncomingMessage, response: ServerResponse, url: URL) => void;

function create(incoming: IncomingMessage): string {
  const key = String(incoming.headers['idempotency-key']);
  created.set(key, (created.get(key) ?? 0) + 1);
  return key;
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  '/echo': (incoming, response, url) =>
    json(response, 200, { method: incoming.method, query: Object.fromEntries(url.searchParams) }),
  '/put': (incoming, response) => {
    created.set(create(incoming), 1);
    json(response, 200, { put: true });
  },
  '/create': (incoming, response) => json(response, 201, { key: create(incoming) }),
  '/create-and-drop': (incoming, response) => {
    create(incoming);
    response.socket?.resetAndDestroy();
  },
  '/created': (_incoming, response, url) => {
    const key = url.searchParams.get('key') ?? '';
    json(response, created.has(key) ? 200 : 404, { key });
  },
  '/half': (_incoming, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('half', () => response.socket?.destroy());
  },
  '/stale': (_incoming, response, asked) => {
    if (seen.filter(({ url }) => url === asked.href).length > 1) json(response, 200, {});
    else response.socket?.resetAndDestroy();
  },
  '/silent': () => {},
  '/endless': (_incoming, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(10_000)));
    };
    response.on('drain', more);
    more();
  },
  '/gateway': (incoming, response) => {
    create(incoming);
    json(response, 502, {});
  },
  '/busy': (_incoming, response) => json(response, 503, { busy: true }, { 'retry-after': '7' }),
  '/secret': (incoming, response) => json(response, 401, { sent: incoming.headers.authorization }),
  '/text': (_incoming, response) => response.end('plain'),
  '/big': (_incoming, response) => response.end('x'.repeat(300 * 1024)),
  '/here': (_incoming, response) => response.writeHead(302, { location: '/echo?hop=1' }).end(),
  '/there': (_incoming, response) =>
    response.writeHead(302, { location: base.replace('127.0.0.1', 'localhost') }).end(),
  '/round': (_incoming, response) => response.writeHead(302, { location: '/round' }).end(),
};

beforeAll(async () => {
  server = createServer((incoming, response) => {
    incoming.setEncoding('utf8').resume();
    let body = '';
    incoming.on('data', (part: string) => {
      body += part;
    });
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', base);
      const { method = '', headers } = incoming;
      seen.push({ method, url: url.href, headers, body });
      hearing.get(url.href)?.();
      const handler = HANDLERS[url.pathname];
      if (handler === undefined) json(response, 404, { no: url.pathname });
      else handler(incoming, response, url);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

const does = http.actions[0]?.does as CallAction<HttpConfig, unknown, { status: number }>;
const parse = (given: unknown) => http.actions[0]?.input.parse(given);
let keys = 0;

function contextOf(config: unknown = {}, signal = new AbortController().signal) {
  keys += 1;
  return {
    key: `r1:call ü/${keys}:1`,
    run: 'r1',
    task: 'call',
    attempt: 1,
    config: configSchema.parse(config),
    directory: tmpdir(),
    stateDirectory: tmpdir(),
    signal,
    log: () => {},
  } satisfies ActionContext<HttpConfig>;
}

/** A port of this machine that nothing listens on. */
async function closedPort(): Promise<number> {
  const listener = createListener();
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}

const at =
  (path: string, rest: object = {}) =>
  () => ({ url: `${base}${path}`, ...rest });

conformance(
  http,
  async (): Promise<Counterpart> => ({
    config: {},
    directory: tmpdir(),
    stateDirectory: tmpdir(),
    fresh: async () => http,
    close: async () => {},
  }),
  {
    calls: [
      {
        action: 'http.request',
        with: at('/echo?a=1', { query: { b: 'x&y', c: 2 } }),
        output: { status: 200, body: { method: 'GET', query: { a: '1', b: 'x&y', c: '2' } } },
      },
      {
        action: 'http.request',
        with: at('/put', { method: 'PUT', body: { a: 1 } }),
        output: { status: 200, body: { put: true } },
        effects: async () => created.size,
      },
      {
        action: 'http.request',
        with: at('/create', { method: 'POST' }),
        output: { status: 201 },
        effects: async () => created.size,
      },
      {
        action: 'http.request',
        with: at('/here'),
        output: { status: 200, body: { query: { hop: '1' } } },
      },
      {
        action: 'http.request',
        with: at('/text', { output: 'text' }),
        output: { status: 200, body: 'plain' },
      },
      {
        action: 'http.request',
        with: at('/nowhere', { status: { ok: [404] } }),
        output: { status: 404, body: { no: '/nowhere' } },
      },
    ],
    endless: (['GET', 'POST'] as const).map((method) => ({
      action: 'http.request',
      with: at(`/silent?${method}`, { method, timeout: '1h' }),
      begun: async () => await heard(`/silent?${method}`),
    })),
    floods: ['json', 'text'].map((output) => ({
      action: 'http.request',
      with: at('/endless', { output, timeout: '1h' }),
    })),
    failures: [
      {
        title: 'a missing page',
        action: 'http.request',
        with: at('/nowhere'),
        class: 'rejected',
        code: 'http.status',
        native: { status: 404, body: '{"no":"/nowhere"}' },
      },
      {
        title: 'a busy service',
        action: 'http.request',
        with: at('/busy'),
        class: 'transient',
        code: 'http.status',
        native: { status: 503 },
      },
      {
        title: 'a closed port',
        action: 'http.request',
        with: async () => ({ method: 'POST', url: `http://127.0.0.1:${await closedPort()}/` }),
        class: 'transient',
        code: 'http.unreachable',
        native: { error: 'ECONNREFUSED' },
      },
      {
        title: 'a reply lost after POST',
        action: 'http.request',
        with: at('/create-and-drop', { method: 'POST' }),
        class: 'unknown',
        code: 'http.lost-reply',
      },
      {
        title: 'half a reply to POST',
        action: 'http.request',
        with: at('/half', { method: 'POST' }),
        class: 'unknown',
        code: 'http.lost-reply',
      },
      {
        title: 'half a reply to GET',
        action: 'http.request',
        with: at('/half'),
        class: 'transient',
        code: 'http.lost-reply',
      },
      {
        title: 'silence after POST',
        action: 'http.request',
        with: at('/silent', { method: 'POST', timeout: '50ms' }),
        class: 'unknown',
        code: 'http.lost-reply',
        native: { error: 'TIMEOUT' },
      },
      {
        title: 'silence after GET',
        action: 'http.request',
        with: at('/silent', { timeout: '50ms' }),
        class: 'transient',
        code: 'http.timeout',
      },
      {
        title: 'text where JSON is expected',
        action: 'http.request',
        with: at('/text'),
        class: 'rejected',
        code: 'http.not-json',
      },
      {
        title: 'a reply of 300 kB',
        action: 'http.request',
        with: at('/big', { output: 'text' }),
        class: 'rejected',
        code: 'output.too-large',
      },
      {
        title: 'a circle of redirects',
        action: 'http.request',
        with: at('/round'),
        class: 'rejected',
        code: 'http.redirect',
      },
      {
        title: 'a redirect of credentials to another host',
        action: 'http.request',
        with: at('/there', { headers: { 'X-Api-Key': 'k' } }),
        class: 'rejected',
        code: 'http.redirect',
      },
      {
        title: 'a relative URL without system',
        action: 'http.request',
        with: { url: 'orders/1' },
        class: 'rejected',
        code: 'http.url',
      },
      {
        title: 'another protocol',
        action: 'http.request',
        with: { url: 'file:///etc/passwd' },
        class: 'rejected',
        code: 'http.url',
      },
    ],
  },
);

test('after a lost reply the service is asked by key', async () => {
  const input = parse({
    method: 'POST',
    url: `${base}/create-and-drop`,
    locate: { url: `${base}/created?key={key}` },
  });
  const context = contextOf();
  expect(await does.locate?.(context, input)).toBe('absent');
  await expect(does.call(context, input)).rejects.toMatchObject({ class: 'unknown' });
  expect(await does.locate?.(context, input)).toMatchObject({
    found: { status: 200, body: { key: context.key } },
  });
  expect(created.get(context.key)).toBe(1);
});

test('what may not happen twice leaves only if the node may still act once the connection stands', async () => {
  const input = parse({ method: 'POST', url: `${base}/create` });
  const fenced = { ...contextOf(), mayLeave: () => Promise.resolve(false) };
  await expect(does.call(fenced, input)).rejects.toMatchObject({ class: 'transient' });
  expect(created.get(fenced.key)).toBeUndefined();

  const answers = [Promise.resolve(true), true] as const;
  let asked = 0;
  const unsure = { ...contextOf(), mayLeave: () => answers[asked++] ?? true };
  expect(await does.call(unsure, input)).toMatchObject({ status: 201 });
  expect([asked, created.get(unsure.key)]).toEqual([2, 1]);
});

test('without `locate` nothing can be told; a refusal to answer tells nothing either', async () => {
  const plain = parse({ method: 'POST', url: `${base}/create` });
  expect(await does.locate?.(contextOf(), plain)).toBe('cannot-tell');
  const asked = parse({ method: 'POST', url: `${base}/create`, locate: { url: `${base}/busy` } });
  expect(await does.locate?.(contextOf(), asked)).toBe('cannot-tell');
});

test('a system adds its base, headers and token, and never gives them to other hosts', async () => {
  const config = { 'base-url': `${base}/`, headers: { 'X-Client': 'tutti' }, token: 't0ken' };
  await does.call(contextOf(config), parse({ url: 'echo' }));
  expect(seen.at(-1)?.headers).toMatchObject({
    authorization: 'Bearer t0ken',
    'x-client': 'tutti',
  });
  const elsewhere = does.call(contextOf(config), parse({ url: 'http://localhost:1/' }));
  await expect(elsewhere).rejects.toMatchObject({ class: 'rejected', code: 'http.url' });
  expect(() => configSchema.parse({ token: 't0ken' })).toThrow('base-url');
});

test('no secret and no query is in a failure', async () => {
  const config = { 'base-url': base, username: 'me', password: 'pa55word' };
  const failure = await does
    .call(contextOf(config), parse({ url: '/secret?token=hidden' }))
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ class: 'auth', code: 'http.status' });
  const told = `${String(failure)} ${JSON.stringify(failure)}`;
  const pair = Buffer.from('me:pa55word').toString('base64');
  for (const secret of ['hidden', 'pa55word', pair]) expect(told).not.toContain(secret);
  const url = base.replace('http://', 'http://user:hushhush@');
  const other = await does
    .call(contextOf(), parse({ url: `${url}/nowhere` }))
    .catch((error: unknown) => error);
  expect(String(other)).toContain(`${base}/nowhere`);
  expect(`${String(other)} ${JSON.stringify(other)}`).not.toContain('hushhush');
});

test('a request whose reply the gateway lost is looked up, unless it may be repeated', async () => {
  const url = `${base}/gateway`;
  const post = does.call(contextOf(), parse({ method: 'POST', url }));
  await expect(post).rejects.toMatchObject({ class: 'unknown', code: 'http.unclear' });
  const stated = parse({ method: 'POST', url, status: { transient: [502] } });
  await expect(does.call(contextOf(), stated)).rejects.toMatchObject({ class: 'transient' });
  const put = does.call(contextOf(), parse({ method: 'PUT', url }));
  await expect(put).rejects.toMatchObject({ class: 'transient' });
});

test('what only reads is asked once more when its connection closes, nothing else is', async () => {
  const send = (url: string, method: string) =>
    does.call(contextOf(), parse({ url: `${base}${url}`, method }));
  await expect(send('/stale?get', 'GET')).resolves.toMatchObject({ status: 200 });
  await expect(send('/stale?post', 'POST')).rejects.toMatchObject({ class: 'unknown' });
  await expect(send('/stale?put', 'PUT')).rejects.toMatchObject({ class: 'transient' });
  expect(seen.filter(({ url }) => url.includes('/stale')).map(({ method }) => method)).toEqual([
    'GET',
    'GET',
    'POST',
    'PUT',
  ]);
});

test('it waits as long as the service asks', async () => {
  const busy = does.call(contextOf(), parse({ url: `${base}/busy` }));
  await expect(busy).rejects.toMatchObject({ class: 'transient', retryAfterMs: 7000 });
  const now = Date.parse('2025-11-22T03:00:00Z');
  expect(retryAfterMs('Sat, 22 Nov 2025 03:00:30 GMT', now)).toBe(30_000);
  expect(retryAfterMs('Sat, 22 Nov 2025 02:00:00 GMT', now)).toBe(0);
  expect(retryAfterMs('soon', now)).toBeUndefined();
});

test('the service hears of the trace, unless the task traces by itself', async () => {
  const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'x=1' };
  const headersOf = async (given: object, context: object) => {
    await does.call({ ...contextOf(), ...context }, parse({ url: `${base}/echo`, ...given }));
    const { traceparent, tracestate } = seen.at(-1)?.headers ?? {};
    return { traceparent, tracestate };
  };
  expect(await headersOf({}, { trace })).toEqual(trace);
  expect(await headersOf({}, {})).toEqual({});
  const own = { headers: { Traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-00` } };
  expect(await headersOf(own, { trace })).toEqual({ traceparent: own.headers.Traceparent });
});

test('an abort ends the request', async () => {
  const abort = new AbortController();
  const call = does.call(contextOf({}, abort.signal), parse({ url: `${base}/silent` }));
  abort.abort();
  await expect(call).rejects.toMatchObject({ class: 'transient' });
});

test.each([
  [204, undefined, 'ok'],
  [304, undefined, 'rejected'],
  [401, undefined, 'auth'],
  [409, undefined, 'rejected'],
  [429, undefined, 'transient'],
  [500, undefined, 'transient'],
  [409, { ok: [409] }, 'ok'],
  [401, { rejected: ['4xx'] }, 'rejected'],
  [404, { transient: [404], rejected: ['4xx'] }, 'transient'],
  [503, { ok: [503], transient: ['5xx'] }, 'ok'],
] as const)('status %i with %j means %s', (status, map, meaning) => {
  expect(meaningOf(status, map as never)).toBe(meaning);
});
