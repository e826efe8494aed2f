/**
 * Who asks, and in which trace. Until there are accounts the client says so in `X-Tutti-Actor`,
 * percent-encoded because header values are ASCII; without it the actor is "anonymous".
 */
import type { FastifyRequest } from 'fastify';
import { TuttiError } from '../model/errors.ts';
import type { By } from '../model/run.ts';
import { markOf } from './idempotency.ts';

const ACTOR_MAX_LENGTH = 200;

export function actorOf(request: FastifyRequest): string {
  const header = request.headers['x-tutti-actor'];
  const value = Array.isArray(header) ? header[0] : header;
  if (value === undefined || value.trim() === '') return 'anonymous';
  const actor = decoded(value).trim();
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (actor.length > ACTOR_MAX_LENGTH || /[\u0000-\u001f\u007f]/.test(actor)) {
    throw new TuttiError(
      'request.invalid',
      `X-Tutti-Actor must be one line of at most ${ACTOR_MAX_LENGTH} characters.`,
    );
  }
  return actor;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

export function byOf(request: FastifyRequest, reason?: string): By {
  const mark = markOf(request);
  return {
    actor: actorOf(request),
    ...(reason === undefined || reason === '' ? {} : { reason }),
    ...(mark === undefined ? {} : { request: mark.id }),
  };
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** A header that is not as the W3C writes it is as none: tracing must not break what it looks at. */
export function traceOf({ headers }: FastifyRequest): { readonly trace?: string } {
  const { traceparent } = headers;
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent)
    ? { trace: traceparent }
    : {};
}
