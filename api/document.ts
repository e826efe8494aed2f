/**
 * A problem document from a code of the catalogue. It stands apart from the server because the
 * CLI says its own errors in the same form, and must not load a server for that.
 */
import { CATALOGUE, type Problem } from '../model/errors.ts';
import type { ProblemDocument } from '../protocol/problem.ts';

interface Sentences {
  readonly title: string;
  readonly next: string;
  readonly retry: boolean;
  readonly status: number;
}
const SENTENCES: Readonly<Record<string, Sentences | undefined>> = CATALOGUE;

interface Extras {
  readonly problems?: readonly Problem[];
  readonly expected?: string;
  readonly found?: string;
}

export function problem(code: string, detail: string, extras: Extras = {}): ProblemDocument {
  const known = Object.hasOwn(SENTENCES, code) ? SENTENCES[code] : undefined;
  return {
    type: `/docs/errors#${code}`,
    title: known?.title ?? 'The command was refused',
    status: known?.status ?? 409,
    detail,
    code,
    next: known?.next ?? 'Nothing was changed.',
    retry: known?.retry ?? false,
    ...(extras.expected === undefined ? {} : { expected: extras.expected }),
    ...(extras.found === undefined ? {} : { found: extras.found }),
    problems: extras.problems ?? [],
  };
}
