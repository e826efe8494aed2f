/**
 * Errors as RFC 9457 problem documents. Whatever goes wrong is answered in this one form:
 * a code of the catalogue, its sentence, what was found, what to do next.
 *
 * What is not in the catalogue is `internal`: its words go to the log, never to the client.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { type Problem, TuttiError } from '../model/errors.ts';
import type { Refusal } from '../model/run.ts';
import type { ProblemDocument } from '../protocol/problem.ts';
import { limitOf, megabytes } from './bodies.ts';
import { problem } from './document.ts';

/** A refusal on its way out of a handler. */
class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.message);
    this.name = 'Refused';
    this.refusal = refusal;
  }
}

/** The value, or the refusal thrown. */
export function granted<T extends object>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new Refused(answer);
  return answer;
}

function isRefusal(answer: object): answer is Refusal {
  return 'refused' in answer && answer.refused !== false;
}

const PLACES: Readonly<Record<string, string>> = {
  body: 'the body',
  querystring: 'the query',
  params: 'the path',
  headers: 'the headers',
};

/** `/tasks/0/name` → `tasks.0.name`. */
function dotted(pointer: string): string {
  return pointer
    .replace(/^\//, '')
    .replaceAll('/', '.')
    .replaceAll('~1', '/')
    .replaceAll('~0', '~');
}

interface Mismatch {
  readonly instancePath: string;
  readonly message?: string | undefined;
}

function invalidRequest(mismatches: readonly Mismatch[], where: string): ProblemDocument {
  const problems = mismatches.map((one): Problem => {
    const path = dotted(one.instancePath);
    return {
      code: 'request.invalid',
      message: one.message ?? 'is not as expected',
      ...(path === '' ? {} : { path }),
    };
  });
  const words = problems.map((one) => (one.path ? `${one.path}: ${one.message}` : one.message));
  return problem('request.invalid', `In ${where}: ${words.join('; ')}`, { problems });
}

/** What fastify itself refuses before a handler runs. */
function refusedByServer(error: Error, limitBytes: number): ProblemDocument | null {
  const code = 'code' in error ? error.code : undefined;
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return problem('request.too-large', `The body is larger than ${megabytes(limitBytes)}.`);
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return problem('request.invalid', 'Send JSON, with the header content-type: application/json.');
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return problem('request.invalid', error.message);
  }
  return null;
}

/** `limitBytes`: how large a body the route takes. */
export function toProblem(error: unknown, limitBytes: number): ProblemDocument {
  if (error instanceof Refused) {
    const { code, message, expected, found } = error.refusal;
    return problem(code, message, {
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found }),
    });
  }
  if (error instanceof TuttiError && error.code !== 'internal') {
    return problem(error.code, error.message, { problems: error.problems });
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const where = PLACES[error.validationContext ?? 'body'] ?? 'the request';
    return invalidRequest(error.validation, where);
  }
  const byServer = error instanceof Error ? refusedByServer(error, limitBytes) : null;
  return byServer ?? problem('internal', 'The log of the server has the details.');
}

export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const document = toProblem(error, limitOf(request));
  const route = request.routeOptions.url;
  if (document.code === 'internal') request.log.error({ err: error, route }, document.title);
  // A refusal that is meant, not a fault: where it was thrown tells the operator nothing.
  else if (document.status >= 500) {
    request.log.warn({ code: document.code, detail: document.detail, route }, document.title);
  }
  sendProblem(reply, document);
}

export function sendProblem(reply: FastifyReply, document: ProblemDocument): void {
  if (document.retry && document.status === 503) void reply.header('retry-after', '1');
  // Serialised here: the route's response schemas describe its good answers only.
  void reply
    .code(document.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(document);
}
