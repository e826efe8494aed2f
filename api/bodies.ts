/**
 * Bodies of requests: read strictly, and bounded over the whole server. A body is in memory from
 * its first byte until its answer, so many large ones at once are refused before they are read;
 * small ones always pass, so that a command gets through whatever else arrives.
 */
import type { FastifyRequest } from 'fastify';
import { TuttiError } from '../model/errors.ts';
import { problemSentence } from '../model/json-text.ts';
import { readJsonBytes } from '../model/text-bytes.ts';
import type { App } from './app.ts';

/** All large bodies together. */
const BODIES_MAX_BYTES = 64 * 1024 * 1024;
const SMALL_BODY_BYTES = 64 * 1024;

export function readBodies(app: App, mostBytes = BODIES_MAX_BYTES): void {
  let held = 0;
  app.addHook('onRequest', async (request, reply) => {
    const size = announcedBytes(request);
    if (size <= SMALL_BODY_BYTES) return;
    // One that never fits is not told to come again.
    if (size > limitOf(request)) throw tooLarge(request);
    if (held + size > mostBytes) {
      throw new TuttiError(
        'server.busy',
        `The server is reading ${megabytes(held)} of requests, and this one may have ${megabytes(size)}: at most ${megabytes(mostBytes)} are read at once.`,
      );
    }
    held += size;
    reply.raw.once('close', () => {
      held -= size;
    });
  });
  // A browser may send text/plain across sites without asking first: only JSON is read.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (_request, bytes: Buffer, done) => {
      const { value, problem } = readJsonBytes(bytes);
      if (problem === undefined) done(null, value);
      else done(notJson(problem));
    },
  );
}

function notJson(problem: NonNullable<ReturnType<typeof readJsonBytes>['problem']>): TuttiError {
  return new TuttiError('request.invalid', `In the body: ${problemSentence(problem)}.`, {
    problems: [problem],
  });
}

/** What the body takes at most: what its head says, else what the route allows. */
function announcedBytes(request: FastifyRequest): number {
  const length = request.headers['content-length'];
  if (length !== undefined) return Number(length) || 0;
  return request.headers['transfer-encoding'] === undefined ? 0 : limitOf(request);
}

function tooLarge(request: FastifyRequest): TuttiError {
  return new TuttiError(
    'request.too-large',
    `The body is larger than ${megabytes(limitOf(request))}.`,
  );
}

/** How large a body of this route may be. */
export function limitOf({ routeOptions }: FastifyRequest): number {
  return routeOptions.bodyLimit ?? 1024 * 1024;
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 102.4) / 10} MB`;
}
