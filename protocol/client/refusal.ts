/** How a request can come to nothing: the server said no, or its answer is not known. */
import { TuttiError } from '../../model/errors.ts';
import type { ProblemDocument } from '../problem.ts';

/** The server said no; it says why. */
export class ApiRefusal extends Error {
  readonly problem: ProblemDocument;
  constructor(problem: ProblemDocument) {
    super(problem.detail);
    this.name = 'ApiRefusal';
    this.problem = problem;
  }
}

/**
 * There was no answer. `arrived` is `no` when no connection came about, so nothing was sent;
 * otherwise a command may have been carried out.
 */
export class NoAnswer extends TuttiError {
  readonly arrived: 'no' | 'unknown';
  constructor(url: string, cause: unknown) {
    const error = causeOf(cause);
    super('server.unreachable', `No answer from ${url}: ${messageOf(error)}.`, { cause });
    this.arrived = NOT_SENT.has(codeOf(error) ?? '') ? 'no' : 'unknown';
  }
}

const NOT_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** fetch hides the reason in `cause`. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error));
}
