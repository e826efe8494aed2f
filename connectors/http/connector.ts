/**
 * Requests over HTTP. A request that reached the other side and got no reply is `unknown` unless
 * it may run twice; then `locate` asks the service itself, if the task says how.
 */
import { z } from 'zod';
import {
  type ActionContext,
  ActionFailure,
  boundedOutput,
  defineAction,
  defineConnector,
  durationMs,
  durationText,
} from '../kit/index.ts';
import { exchange, NoReply, type Request } from './exchange.ts';
import { LocalAddress, isLocal } from './local.ts';
import { glimpseOf, jsonOf, type Reply, textOf } from './reply.ts';
import { leavesOpen, meaningOf, retryAfterMs, type StatusMap, statusMapSchema } from './status.ts';
import {
  type HttpConfig,
  configSchema,
  credentialsOf,
  headersElsewhere,
  headersOf,
  headersSchema,
  publicUrl,
  targetOf,
  isOutside,
  withoutSecrets,
} from './target.ts';

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'POST', 'PATCH'] as const;
const REPEATABLE: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];
const REDIRECTS = 5;

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const statuses = z.array(z.int().min(100).max(599));
const input = z.strictObject({
  method: z.enum(METHODS).default('GET'),
  url: z
    .string()
    .min(1)
    .describe(
      "Absolute, or relative to the system's base-url, and below it. An expression in the midst of it is one segment of the path, or one value of the query",
    ),
  headers: headersSchema.default({}),
  query: z.record(z.string(), scalar).default({}).describe('Added to the URL'),
  body: z.json().optional().describe('Text is sent as it is, anything else as JSON'),
  timeout: durationText.default('30s'),
  status: statusMapSchema.optional().describe('What statuses mean, where the defaults do not fit'),
  output: z.enum(['json', 'text', 'none']).default('json').describe('How to read the reply'),
  idempotent: z
    .boolean()
    .optional()
    .describe(
      'Sending it twice does no harm; true for GET, HEAD, OPTIONS, PUT, DELETE when absent. Else it is not sent again after an answer that does not say what happened',
    ),
  locate: z
    .strictObject({
      url: z.string().min(1).describe('{key} stands for the Idempotency-Key'),
      method: z.enum(['GET', 'HEAD']).default('GET'),
      headers: headersSchema.default({}),
      found: statuses.default([200]),
      absent: statuses.default([404]),
    })
    .optional()
    .describe('How to ask whether a request whose reply was lost took effect'),
});
type Input = z.output<typeof input>;

const output = z.strictObject({
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.json().describe('null when empty, or not asked for'),
});
type Output = z.output<typeof output>;

function isRepeatable({ idempotent, method }: Input): boolean {
  return idempotent ?? REPEATABLE.includes(method);
}

async function call(context: ActionContext<HttpConfig>, given: Input): Promise<Output> {
  const request = requestOf(context, given);
  const { reply, url } = await send(context, request);
  const what = `${given.method} ${publicUrl(url)}`;
  // Law 6: what may have happened is looked up, never sent again.
  if (!request.repeatable && leavesOpen(reply, given.status)) {
    throw new ActionFailure({
      class: 'unknown',
      code: 'http.unclear',
      message: `${what} was answered with status ${reply.status}, which does not say whether it took effect; say in \`status\` what it means, or \`idempotent: true\` if it may be sent again`,
      native: { status: reply.status, body: glimpseOf(reply, (text) => blacken(context, text)) },
    });
  }
  judge(context, reply, given.status, what);
  return outputOf(reply, given.output);
}

function requestOf(context: ActionContext<HttpConfig>, given: Input): Request {
  const { config, signal } = context;
  const isText = typeof given.body === 'string';
  const text = typeof given.body === 'string' ? given.body : JSON.stringify(given.body);
  const body = given.body === undefined ? undefined : text;
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json';
  return {
    method: given.method,
    url: targetOf(config, given.url, stringsOf(given.query)),
    headers: headersOf(
      { 'idempotency-key': context.operation ?? context.key },
      tracing(context, given),
      given.output === 'json' ? { accept: 'application/json' } : {},
      body === undefined
        ? {}
        : { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) },
      credentialsOf(config),
      given.headers,
    ),
    body,
    timeoutMs: durationMs(given.timeout),
    signal,
    repeatable: isRepeatable(given),
    mayLeave: () => context.mayLeave?.() ?? true,
    elsewhere: false,
  };
}

/** Weaker than what the system or the task says: who sets one of the two headers traces by itself. */
function tracing(
  { trace, config }: ActionContext<HttpConfig>,
  given: Input,
): Record<string, string> {
  const own = Object.keys({ ...config.headers, ...given.headers });
  if (trace === undefined || own.some((name) => /^trace(?:parent|state)$/i.test(name))) return {};
  return { ...trace };
}

function stringsOf(query: Input['query']): Record<string, string> {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));
}

/** Follows redirects, where the request may be sent again and nothing secret changes hosts. */
async function send(
  context: ActionContext<HttpConfig>,
  first: Request,
): Promise<{ reply: Reply; url: URL }> {
  let request = first;
  for (let hops = 0; ; hops += 1) {
    const reply = await exchangeOrFail(request);
    const url = redirectOf(reply, request);
    if (url === undefined) return { reply, url: request.url };
    if (hops === REDIRECTS) throw noRedirect(request, url, 'too often');
    const elsewhere = request.elsewhere || !isLocal(reply.address);
    request = { ...request, ...crossing(context.config, request, url), url, elsewhere };
  }
}

/** To another host goes what only reads, and with nothing that is for the first one. */
function crossing(config: HttpConfig, request: Request, url: URL): Partial<Request> {
  if (url.origin === request.url.origin) {
    if (!isOutside(config, url) || isOutside(config, request.url)) return {};
    throw noRedirect(request, url, "to a place outside of the system's base-url");
  }
  if (!reads(request)) throw noRedirect(request, url, `a ${request.method} to another host`);
  const open = headersElsewhere(config, request);
  if ('headers' in open) return open;
  throw noRedirect(request, url, `to another host, and it carries ${open.secret}`);
}

function noRedirect(request: Request, url: URL, why: string): ActionFailure {
  return new ActionFailure({
    class: 'rejected',
    code: 'http.redirect',
    message: `${publicUrl(request.url)} redirects ${why}: ${publicUrl(url)}`,
  });
}

function redirectOf({ status, headers }: Reply, request: Request): URL | undefined {
  const { location } = headers;
  const follows = reads(request) ? [301, 302, 303, 307, 308] : [307, 308];
  if (location === undefined || !follows.includes(status)) return undefined;
  if (!URL.canParse(location, request.url.href)) return undefined;
  const url = new URL(location, request.url);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

async function exchangeOrFail(request: Request): Promise<Reply> {
  for (let again = reads(request); ; again = false) {
    try {
      return await exchange(request);
    } catch (error) {
      if (error instanceof LocalAddress) {
        throw noRedirect(request, request.url, 'from elsewhere to this machine');
      }
      if (!(error instanceof NoReply)) throw error;
      // A connection that was kept may be closed just as a request is sent on it: what only reads
      // is asked once more (RFC 9110, section 9.2.2).
      if (!again || !error.sent || error.reason !== 'connection') throw failureOf(error, request);
    }
  }
}

function reads({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD';
}

const TLS = /^(?:ERR_TLS_|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_SSL_|EPROTO)/;

function failureOf({ sent, reason, native }: NoReply, request: Request): ActionFailure {
  const what = `${request.method} ${publicUrl(request.url)}`;
  const fail = (kind: ActionFailure['class'], code: string, message: string) =>
    new ActionFailure({
      class: kind,
      code,
      message: `${what} ${message}`,
      native: { error: native },
    });
  if (!sent && TLS.test(native)) {
    return fail(
      'rejected',
      'http.tls',
      `found no trustworthy server (${native}); nothing was sent`,
    );
  }
  if (!sent) return fail('transient', 'http.unreachable', `could not connect (${native})`);
  if (!request.repeatable) {
    return fail('unknown', 'http.lost-reply', `was sent and got no reply (${native})`);
  }
  if (reason === 'timeout') {
    return fail('transient', 'http.timeout', `got no reply within ${request.timeoutMs} ms`);
  }
  return fail('transient', 'http.lost-reply', `got no reply (${native})`);
}

function blacken(context: ActionContext<HttpConfig>, text: string): string {
  return withoutSecrets(context.config, context.redact?.(text) ?? text);
}

function judge(
  context: ActionContext<HttpConfig>,
  reply: Reply,
  map: StatusMap | undefined,
  what: string,
): void {
  const meaning = meaningOf(reply.status, map);
  if (meaning === 'ok') return;
  const wait = retryAfterMs(reply.headers['retry-after'], Date.now());
  const text = glimpseOf(reply, (whole) => blacken(context, whole));
  throw new ActionFailure({
    class: meaning,
    code: 'http.status',
    message: `${what} was answered with status ${reply.status}`,
    native: { status: reply.status, body: text },
    ...(meaning === 'transient' && wait !== undefined ? { retryAfterMs: wait } : {}),
  });
}

/** Cookies are credentials: they stay out of the history. */
function outputOf(reply: Reply, mode: Input['output']): Output {
  const { 'set-cookie': _secret, ...rest } = reply.headers;
  const plain = Object.entries(rest).map(([name, value]) => [name, String(value)]);
  const common = { status: reply.status, headers: Object.fromEntries(plain) };
  if (mode === 'none') return boundedOutput('the reply', { ...common, body: null });
  const text = textOf(reply);
  if (text === '') return { ...common, body: null };
  return boundedOutput('the reply', {
    ...common,
    body: mode === 'text' ? text : z.json().parse(jsonOf(text)),
  });
}

async function locate(context: ActionContext<HttpConfig>, given: Input) {
  if (given.locate === undefined) return 'cannot-tell';
  const { url, method, headers, found, absent } = given.locate;
  const key = requestOf(context, given).headers['idempotency-key'] ?? context.key;
  const asked = input.parse({
    method,
    headers,
    url: url.replaceAll('{key}', encodeURIComponent(key)),
    timeout: given.timeout,
    output: given.output,
  });
  const { reply } = await send(context, requestOf(context, asked));
  if (found.includes(reply.status)) return { found: outputOf(reply, given.output) };
  return absent.includes(reply.status) ? 'absent' : 'cannot-tell';
}

const request = defineAction({
  name: 'http.request',
  title: 'Send an HTTP request',
  description:
    'Sends one request and gives status, headers and body of the reply. Its Idempotency-Key is the same for all retries of the task, unless `headers` has one.',
  system: 'optional',
  input,
  output,
  addresses: { url: true, locate: { url: true } },
  idempotent: isRepeatable,
  examples: [
    {
      title: 'Read',
      with: { url: 'https://erp.example.com/orders/1', query: { expand: 'items' } },
    },
    {
      title: 'Create, and look it up by key when the reply is lost',
      with: {
        method: 'POST',
        url: 'invoices',
        body: { order: 'AB-123456' },
        status: { ok: [201, 409] },
        locate: { url: 'invoices?key={key}' },
      },
    },
  ],
  does: { form: 'call', call, locate },
});

export const http = defineConnector({
  name: 'http',
  title: 'HTTP',
  description: 'Requests to services that speak HTTP.',
  config: configSchema,
  concurrency: 256,
  actions: [request],
  verified: 'a real server (node:http), with faults on the wire; proxies are not supported',
});
