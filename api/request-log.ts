/**
 * A line of the log for each request: who asked what, how it was answered, how long that took. Its id
 * stands in the line, in every other line about the request and in the header of the answer, so that
 * a caller and an operator speak of the same request.
 *
 *   info   a request that may change something, or that was refused
 *   debug  a request that only reads
 *
 * The query is left out: it may hold what must not stand in a log.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './app.ts';
import { actorIfKnown } from './caller.ts';

export const REQUEST_ID = 'x-request-id';
const PLAIN = /^[\w.:-]{1,100}$/;
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The caller's own id, if it is one word; else a new one. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers[REQUEST_ID];
  return typeof given === 'string' && PLAIN.test(given) ? given : randomUUID();
}

export function logRequests(app: App): void {
  app.addHook('onResponse', async (request, reply) => {
    const level = READS.has(request.method) && reply.statusCode < 400 ? 'debug' : 'info';
    if (request.log.level === 'silent') return;
    request.log[level](fieldsOf(request, reply), `${request.method} ${pathOf(request)}`);
  });
}

function fieldsOf(request: FastifyRequest, reply: FastifyReply): object {
  const actor = actorIfKnown(request);
  return {
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    ...(actor !== undefined && { actor }),
  };
}

function pathOf({ url }: FastifyRequest): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}
