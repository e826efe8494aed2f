/**
 * Answers to what never becomes a request of a route: an address that cannot be decoded, a head that
 * is too large, bytes that are no HTTP, a method that nothing here has, a server that is closing.
 * They have the form of all other errors, whoever finds them: node, fastify or its router.
 */
import { ServerResponse, STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ProblemDocument } from '../protocol/problem.ts';
import { OPERATIONS, pathOf } from '../protocol/routes.ts';
import { problem } from './document.ts';
import { sendProblem, toProblem } from './problem.ts';

/** Against pages of others that have an answer shown, guessed at or kept. */
export const HEADERS = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
} as const;

const TYPE = 'application/problem+json; charset=utf-8';

/** Of what the router refuses: no hook has run. */
export function answerBadAddress(
  error: Error,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  // What the router throws names the address, which may hold anything.
  const code = 'code' in error ? error.code : undefined;
  const document =
    code === 'FST_ERR_BAD_URL'
      ? problem('request.invalid', 'The path is not percent-encoded UTF-8: write % as %25.')
      : code === 'FST_ERR_MAX_PARAM_LENGTH'
        ? problem('request.invalid', 'A part of the path is longer than 2,000 characters.')
        : toProblem(error, 0);
  writeProblem(reply.raw, document);
}

/** There is no such route; perhaps there is one for another method. */
export function answerUnknownRoute({ method, url }: FastifyRequest, reply: FastifyReply): void {
  const path = url.split('?')[0] ?? '';
  const allow = methodsAt(path).join(', ');
  if (allow === '')
    return sendProblem(reply, problem('route.unknown', `There is no ${method} ${path}.`));
  reply.header('allow', allow);
  sendProblem(reply, problem('route.wrong-method', `${path} has no ${method}: it has ${allow}.`));
}

const SHAPES = OPERATIONS.map(([, route]) => ({
  method: route.method,
  shape: new RegExp(`^${pathOf(route).replaceAll(/:\w+/g, '[^/]+')}$`),
}));

function methodsAt(path: string): string[] {
  const found = SHAPES.filter(({ shape }) => shape.test(path)).map(({ method }) => method);
  return [...new Set(found.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one])))];
}

/** What node would answer, or leave unanswered, by itself. */
export function answerTheRest(server: Server): void {
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    writeProblem(
      response,
      problem('request.invalid', 'The only Expect header that is supported is 100-continue.'),
    );
  });
  server.on('connect', ({ method }: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => undefined);
    const detail = `This server is not a proxy: it does not support ${method ?? 'CONNECT'}.`;
    socket.end(rawAnswer(problem('route.wrong-method', detail)));
  });
}

export function answerNoRequest(
  error: Error & { readonly code?: string },
  socket: Duplex & { readonly _httpMessage?: { readonly headersSent?: boolean } | null },
): void {
  // An answer that is under way must not get a second one in its midst.
  // oxlint-disable-next-line no-underscore-dangle -- node tells it by no other name
  const answering = socket._httpMessage?.headersSent === true;
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable && !answering) socket.write(rawAnswer(noRequest(error)));
  socket.destroy(error);
}

/** The body stopped in its midst: node would close the connection without a word. */
export function answerTooSlow(socket: Duplex): void {
  const slow = Object.assign(new Error('too slow'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  answerNoRequest(slow, socket);
}

function noRequest({ code, message }: Error & { readonly code?: string }): ProblemDocument {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return problem('request.too-slow', 'The request did not arrive completely in time.');
  if (code === 'HPE_HEADER_OVERFLOW')
    return problem('request.head-too-large', 'The request line and headers are larger than 16 KB.');
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return problem(
      'request.head-too-large',
      'The chunk extensions of the request are larger than 16 KB.',
    );
  const why = message.replace(/^Parse Error: /, '');
  return problem('request.invalid', `The request is not valid HTTP/1.1: ${why}.`);
}

function rawAnswer(document: ProblemDocument): string {
  const body = JSON.stringify(document);
  const headers = { ...HEADERS, 'content-type': TYPE, 'content-length': Buffer.byteLength(body) };
  const lines = Object.entries({ ...headers, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const first = `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status] ?? ''}`;
  return `${first}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

function writeProblem(response: ServerResponse, document: ProblemDocument): void {
  const body = JSON.stringify(document);
  const length = Buffer.byteLength(body);
  response.writeHead(document.status, {
    ...HEADERS,
    'content-type': TYPE,
    'content-length': length,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
