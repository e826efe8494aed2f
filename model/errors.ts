/**
 * The one catalogue of errors, and how an error is thrown. A code never changes. All codes that begin with the
 * same word stand in one file of `errors/`; what is said of each is `errors/entry.ts`: HTTP status and exit
 * status stand there, too, so that no caller invents its own.
 */
import { DOCUMENTS } from './errors/documents.ts';
import { PROCESSES } from './errors/processes.ts';
import { REQUESTS } from './errors/requests.ts';
import { RUNS } from './errors/runs.ts';

export const CATALOGUE = { ...DOCUMENTS, ...RUNS, ...REQUESTS, ...PROCESSES } as const;

export type ErrorCode = keyof typeof CATALOGUE;

/** A mistake in a text, with its place. Lines and columns start at 1. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  /** What to do, when a sentence can help. */
  readonly hint?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** JSON path, e.g. `tasks.post-ledger.retry`. */
  readonly path?: string;
}

export class TuttiError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  constructor(
    code: ErrorCode,
    detail?: string,
    options: { problems?: readonly Problem[]; cause?: unknown } = {},
  ) {
    super(
      detail ?? CATALOGUE[code].title,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.name = 'TuttiError';
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** For what cannot happen unless the code is wrong. */
export function bug(what: string): never {
  throw new TuttiError('internal', `bug: ${what}`);
}
