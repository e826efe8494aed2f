/**
 * Who is there, and may they: asked once for every request, before its body is read. Who asks comes
 * from what they show (`credentials.ts`), what they may from `kernel/authority.ts`.
 *
 *   a token in `Authorization` ──► an operator, a job or a node
 *   the cookie of a session ─────► a browser; what it changes must come from a page of ours
 *   nothing ─────────────────────► anyone: health, the link, and proof of who the server is
 *
 * A server that is not an approval (`--auth none`, for tests) takes everyone for an operator.
 */
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { type Asked, type Caller, judge, type RunPlace } from '../kernel/authority.ts';
import { ENTER_PATH } from '../protocol/access.ts';
import { bug, TuttiError } from '../model/errors.ts';
import { FORWARDED_COMMANDS, FORWARDED_RUNS } from '../protocol/forwarded.ts';
import { OPERATIONS, pathOf } from '../protocol/routes.ts';
import { API_PREFIX } from '../protocol/route.ts';
import { RUN_IS_OVER } from '../model/run.ts';
import { introduce, nameOf } from './caller.ts';
import { bearerOf, sessionOf } from './credentials.ts';
import { DOCUMENT_PATH, ERRORS_PATH, PAGE_PATH } from './docs-page.ts';
import type { App } from './app.ts';
import type { ApiContext } from './context.ts';
import { answerTooSlow } from './malformed.ts';

export const COOKIE = 'tutti-session';

declare module 'fastify' {
  interface FastifyContextConfig {
    asked?: Asked;
  }
}

/** Stands before everything else that looks at requests. */
export function openGate(app: App, context: ApiContext): void {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, asked: askedBy(route) };
  });
  app.addHook('onRequest', async (request, reply) => {
    const caller = await identify(context, request);
    introduce(request, caller);
    if (caller.kind !== 'anyone') context.strangers.introduced(request.raw.socket);
    allow(request, reply, caller);
    if (!hasBody(request)) return;
    request.raw.once('timeout', () => answerTooSlow(request.raw.socket));
    expectWithin(request, context.silenceMs);
  });
  app.addHook('preValidation', async (request) => {
    if (hasBody(request)) expectWithin(request, 0);
  });
  app.addHook('onSend', async (request, reply) => {
    // It is answered before all of it has come: what else it meant to send is not waited for.
    if (hasBody(request) && !request.raw.complete) reply.header('connection', 'close');
  });
}

/** What a test injects has no connection. */
function expectWithin({ raw: { socket } }: FastifyRequest, ms: number): void {
  if ('setTimeout' in socket) socket.setTimeout(ms);
}

const ASKED: ReadonlyMap<string, Asked> = new Map<string, Asked>([
  ...OPERATIONS.map(([name, route]) => [`${route.method} ${pathOf(route)}`, name] as const),
  [`GET ${ENTER_PATH}`, 'enter'],
  ['GET /metrics', 'metrics'],
  [`GET ${DOCUMENT_PATH}`, 'documents'],
  [`GET ${ERRORS_PATH}`, 'documents'],
  ['GET /', 'documents'],
  [`POST ${API_PREFIX}${FORWARDED_COMMANDS}`, 'forwarded'],
  [`GET ${API_PREFIX}${FORWARDED_RUNS}/:run`, 'forwarded'],
]);

/** A route that has no place in the table of authority does not come into being. */
function askedBy({ method, url }: RouteOptions): Asked {
  const [one = ''] = [method].flat();
  if (url === PAGE_PATH || url.startsWith(`${PAGE_PATH}/`)) return 'documents';
  const asked = ASKED.get(`${one === 'HEAD' ? 'GET' : one} ${url}`);
  return asked ?? bug(`${one} ${url} stands in no table of authority`);
}

async function identify(context: ApiContext, request: FastifyRequest): Promise<Caller> {
  const { authorization } = request.headers;
  const known =
    authorization === undefined ? session(context, request) : await bearer(context, request);
  if (known !== null || !context.access.open) return known ?? { kind: 'anyone' };
  return { kind: 'operator', actor: nameOf(request) ?? 'anonymous', proven: false };
}

async function bearer(
  { access, views }: ApiContext,
  request: FastifyRequest,
): Promise<Caller | null> {
  const shown = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const caller = bearerOf(access, shown, access.address());
  if (caller === 'operator') {
    return { kind: 'operator', actor: nameOf(request) ?? 'operator', proven: true };
  }
  if (caller?.kind !== 'job') return caller;
  const run = await views.run(caller.run);
  return run === null || RUN_IS_OVER.has(run.status) ? null : caller;
}

/** What a browser changes must come from a page of ours: the guard has looked at its origin. */
function session({ access }: ApiContext, request: FastifyRequest): Caller | null {
  const shown = cookieOf(request);
  if (shown === undefined) return null;
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  if (!isReading && request.headers.origin === undefined) {
    throw new TuttiError('request.foreign', 'The request has no Origin header.');
  }
  return sessionOf(access, shown, Date.now());
}

function cookieOf({ headers }: FastifyRequest): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

function allow(request: FastifyRequest, reply: FastifyReply, caller: Caller): void {
  const { asked } = request.routeOptions.config;
  const verdict =
    asked === undefined
      ? caller.kind === 'anyone'
        ? 'who'
        : 'granted'
      : judge(asked, caller, (place) => named(request, place));
  switch (verdict) {
    case 'granted':
      return;
    case 'forbidden':
      throw new TuttiError('auth.forbidden', forbidden(caller));
    case 'who':
      reply.header('www-authenticate', 'Bearer realm="Tutti"');
      throw new TuttiError('auth.required', unknown(request));
  }
}

function named({ params, query }: FastifyRequest, place: RunPlace): string | undefined {
  const [where, name = ''] = place.split('.');
  const from = (where === 'path' ? params : query) as Readonly<Record<string, unknown>>;
  const value = from[name];
  return typeof value === 'string' ? value : undefined;
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function unknown({ headers }: FastifyRequest): string {
  if (headers.authorization === undefined && headers.cookie === undefined) {
    return 'The request has no token.';
  }
  return 'The token of this request is not valid here: it belongs to another node, or it has expired.';
}

function forbidden(caller: Caller): string {
  switch (caller.kind) {
    case 'job':
      return `A token of a job may read its own run (${caller.run}), hold, release and cancel it, and do nothing else.`;
    case 'node':
      return 'A token of a node may forward commands, and do nothing else.';
    case 'operator':
      return 'Only nodes of this cluster may call this.';
    case 'session':
      return 'A browser session may not call this.';
    case 'anyone':
      return 'Authenticate first.';
  }
}
