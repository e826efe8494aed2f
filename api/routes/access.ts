/**
 * Who is there. The server proves that it knows the token, so that no caller sends it to an impostor;
 * and a browser gets in: an operator makes a link, whoever opens it first has a session.
 *
 * The cookie is `SameSite=Strict`: it is not sent with what another page has caused. A visit that
 * began elsewhere (a link in a chat) would be led on without it, so there a page of ours leads on.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ENTER_PATH } from '../../protocol/access.ts';
import { bug, TuttiError } from '../../model/errors.ts';
import { ROUTES } from '../../protocol/routes.ts';
import { callerOf } from '../caller.ts';
import { proofOf, sessionToken } from '../credentials.ts';
import { PAGE_PATH } from '../docs-page.ts';
import { COOKIE } from '../gate.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';

const SESSION_MS = 12 * 60 * 60_000;
/** Until there is a console. */
const FIRST_PAGE = PAGE_PATH;

export function accessRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.sayHello,
    handler: async (request) => {
      const { host = '' } = request.headers;
      if (!isOurs(app, context, host)) {
        throw new TuttiError('request.foreign', `It does not listen at ${JSON.stringify(host)}.`);
      }
      return { proof: proofOf(context.access.token, request.query.challenge, host) };
    },
  });
  app.route({
    ...ROUTES.makeLink,
    handler: async (request, reply) => {
      const caller = callerOf(request);
      if (caller.kind !== 'operator') return bug('only operators make links');
      const { secret, expiresAt } = context.links.make(caller.actor, Date.now());
      return reply.code(201).send({ path: `${ENTER_PATH}?link=${secret}`, expiresAt });
    },
  });
}

/** Another program may listen at another name or port and pass on what is asked there. */
function isOurs(app: App, context: ApiContext, host: string): boolean {
  const address = app.server.address();
  if (context.hosts.some((name) => host.replace(/:\d+$/, '') === name)) return true;
  return typeof address === 'object' && host === `${address?.address}:${address?.port}`;
}

export function enterRoute(app: App, context: ApiContext): void {
  app.get(
    ENTER_PATH,
    {
      exposeHeadRoute: false,
      schema: { hide: true, querystring: z.looseObject({ link: z.unknown().optional() }) },
    },
    async (request, reply) => {
      const { host = '', 'user-agent': userAgent } = request.headers;
      const elsewhere = context.privateName.insteadOf(host, userAgent);
      if (elsewhere !== null) return reply.redirect(`${elsewhere}${request.url}`, 303);
      const { link } = request.query;
      const actor = typeof link === 'string' ? context.links.take(link, Date.now()) : null;
      if (actor === null) {
        const detail =
          'This link has been used, has expired, or does not exist. Run `tutti open` for a new one.';
        throw new TuttiError('auth.required', detail);
      }
      const until = Date.now() + SESSION_MS;
      const secure = context.access.address()?.startsWith('https:') === true ? '; Secure' : '';
      const terms = `Path=/; Max-Age=${SESSION_MS / 1000}; HttpOnly; SameSite=Strict${secure}`;
      reply
        .header('set-cookie', `${COOKIE}=${sessionToken(context.access, actor, until)}; ${terms}`)
        .header('cache-control', 'no-store');
      return leadOn(request, reply);
    },
  );
}

function leadOn({ headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'none' || site === 'same-origin') {
    return reply.redirect(FIRST_PAGE, 303);
  }
  return reply
    .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><meta http-equiv="refresh" content="0;url=${FIRST_PAGE}"><title>Tutti</title>`,
    );
}
