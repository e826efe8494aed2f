/**
 * Who acts, why, and in which trace. Who asks is known from what they showed (`gate.ts`): an operator,
 * who holds the token, may name who acts in `X-Tutti-Actor`; for all others that header says nothing.
 */
import type { FastifyRequest } from 'fastify';
import type { By } from '../model/run.ts';
import { actorOf } from './caller.ts';
import { markOf } from './idempotency.ts';

export function byOf(request: FastifyRequest, reason?: string): By {
  const mark = markOf(request);
  return {
    ...actorOf(request),
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
