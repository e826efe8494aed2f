/**
 * A stream of events that does not end when a connection does: it resumes after the last event
 * that was given, so none is missed and none comes twice.
 */
import type { z } from 'zod';
import { TuttiError } from '../../model/errors.ts';
import type { Route } from '../route.ts';
import { framesOf } from './event-stream.ts';
import {
  type CallOptions,
  type Exchange,
  parsed,
  partsOf,
  refusalOf,
  type ApiRequest,
} from './exchange.ts';
import { ApiRefusal, NoAnswer } from './refusal.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/** `id` is the place right after the event: give it as `lastEventId` to continue from there. */
export type WithId<T> = T & { readonly id: string };

type Streaming = Route & { readonly stream: z.ZodType<object> };

/** Ends when the signal aborts; throws what the server refuses for good. */
export async function* follow(
  exchange: Exchange,
  route: Streaming,
  request: ApiRequest,
  options: CallOptions,
): AsyncGenerator<WithId<object>> {
  const { signal } = options;
  let place = typeof request['lastEventId'] === 'string' ? request['lastEventId'] : undefined;
  let retryMs = FIRST_RETRY_MS;
  // Connections in a row that brought nothing.
  let failures = 0;
  while (!isOver(signal)) {
    try {
      const sending = partsOf(route, { ...request, lastEventId: place });
      const body = await open(exchange, route, sending, options);
      for await (const frame of framesOf(body)) {
        failures = 0;
        retryMs = frame.retryMs ?? retryMs;
        if (frame.data !== undefined) yield placed(route, frame.data, frame.id ?? place ?? '');
        place = frame.id ?? place;
      }
      failures += 1;
    } catch (error) {
      if (isOver(signal)) return;
      failures += 1;
      const lost = mayResume(error, exchange.url);
      if (lost === undefined) throw error;
      if (exchange.options.again !== undefined) await exchange.findAgain(lost, failures, signal);
    }
    const waitMs = Math.min(LONGEST_RETRY_MS, retryMs * 2 ** Math.max(0, failures - 1));
    await exchange.options.pause(waitMs, signal);
  }
}

async function open(
  exchange: Exchange,
  route: Route,
  sending: ReturnType<typeof partsOf>,
  options: CallOptions,
): Promise<ReadableStream<Uint8Array>> {
  const response = await exchange.send(route, sending, options);
  const { body } = response;
  if (response.status === 200 && body !== null) return body;
  throw refusalOf(await response.text().catch(() => ''), response.status, exchange.url);
}

/** A server that stops or is full may answer later; what it refuses otherwise stays refused. */
function mayResume(error: unknown, url: string): NoAnswer | undefined {
  if (error instanceof NoAnswer) return error;
  if (error instanceof ApiRefusal) {
    return error.problem.retry ? new NoAnswer(url, error) : undefined;
  }
  // A body that breaks off is an error of fetch's own.
  return error instanceof TuttiError ? undefined : new NoAnswer(url, error);
}

function placed({ stream }: Streaming, data: string, id: string): WithId<object> {
  const read = stream.safeParse(parsed(data));
  if (read.success) return { ...read.data, id };
  throw new TuttiError('server.unreachable', 'The stream does not hold events of Tutti.');
}

function isOver(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
