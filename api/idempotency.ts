/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a request with a key is carried
 * out once, however often it arrives; each time it gets the answer of the first.
 *
 *   fresh ──► carried out, everything it causes carries its mark ──► answer kept, then sent
 *   interrupted (the server died, or could not tell) ──► looks for the mark, then continues
 *   under way, or another body ──► refused
 *
 * A refusal is an answer like any other; what may go well the next time is not kept.
 */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TuttiError } from '../model/errors.ts';
import { callerOf } from './caller.ts';
import type { App } from './app.ts';
import type { ApiContext } from './context.ts';

const KEY = /^[\u0021-\u007e]{1,200}$/;

/** What a request leaves behind: the id of a run that it starts, `by.request` of its events. */
interface Mark {
  readonly id: string;
  /** An earlier try may have done it already. */
  readonly again: boolean;
}

interface Remembered extends Mark {
  readonly key: string;
}

const remembered = new WeakMap<FastifyRequest, Remembered>();

export function markOf(request: FastifyRequest): Mark | undefined {
  return remembered.get(request);
}

export function rememberRequests(app: App, context: ApiContext): void {
  app.addHook('preHandler', async (request, reply) => begin(context, request, reply));
  app.addHook('onSend', async (request, reply, payload) => {
    const known = remembered.get(request);
    if (known === undefined) return;
    remembered.delete(request);
    try {
      await keep(context, known.key, reply, payload);
    } catch (error) {
      // The command stands; the next request with this key finds its mark.
      request.log.warn(
        { err: error },
        'The answer to a request with an Idempotency-Key could not be stored.',
      );
    }
  });
}

async function begin(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const key = keyOf(request);
  if (key === undefined) return;
  const known = await context.requests.begin(key, fingerprintOf(request), context.newId());
  switch (known.state) {
    case 'fresh':
    case 'interrupted':
      remembered.set(request, { key, id: known.id, again: known.state === 'interrupted' });
      return;
    case 'answered': {
      const { status, type, location, body } = known.answer;
      if (location !== null) reply.header('location', location);
      reply.header('idempotent-replayed', 'true');
      await reply
        .code(status)
        .header('content-type', type)
        .serializer((words: unknown) => String(words))
        .send(body);
      return;
    }
    case 'under-way':
      throw new TuttiError('request.under-way');
    case 'other':
      throw new TuttiError('request.differs');
  }
}

function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (request.method !== 'POST' || key === undefined) return undefined;
  if (typeof key === 'string' && KEY.test(key)) return key;
  throw new TuttiError(
    'request.invalid',
    'Idempotency-Key must be one word of 1 to 200 visible ASCII characters.',
  );
}

/** Who asks for what: the same key may not stand for two requests, nor for two who ask. */
function fingerprintOf(request: FastifyRequest): string {
  const parts = [request.method, request.url, callerOf(request), request.body ?? null];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

async function keep(
  context: ApiContext,
  key: string,
  reply: FastifyReply,
  payload: unknown,
): Promise<void> {
  const body = typeof payload === 'string' ? payload : '';
  if (reply.statusCode >= 500 || mayGoWellLater(reply, body)) {
    await context.requests.interrupt(key);
    return;
  }
  const location = reply.getHeader('location');
  await context.requests.finish(key, {
    status: reply.statusCode,
    type: String(reply.getHeader('content-type') ?? 'application/json; charset=utf-8'),
    location: typeof location === 'string' ? location : null,
    body,
  });
}

function mayGoWellLater(reply: FastifyReply, body: string): boolean {
  if (reply.statusCode < 400) return false;
  const answer = JSON.parse(body) as { retry?: unknown };
  return answer.retry === true;
}
