/** An error as it travels, and the mistakes of a text that it may list. */
import { z } from 'zod';
import type { Problem } from '../model/errors.ts';
import { count, exact, text } from './schema.ts';

export const problemSchema = exact<Problem>('ValidationIssue', {
  code: text,
  message: text,
  hint: text.exactOptional(),
  file: text.exactOptional(),
  line: count.exactOptional(),
  column: count.exactOptional(),
  path: text.exactOptional(),
});

/** RFC 9457, with the catalogue's code and what to do next. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly next: string;
  readonly retry: boolean;
  readonly expected?: string;
  readonly found?: string;
  readonly problems: readonly Problem[];
}
export const problemDocumentSchema = exact<ProblemDocument>(
  'Problem',
  {
    type: text,
    title: text,
    status: count,
    detail: text,
    code: text,
    next: text,
    retry: z.boolean(),
    expected: text.exactOptional(),
    found: text.exactOptional(),
    problems: z.array(problemSchema),
  },
  {
    type: '/docs/errors#run.unknown',
    title: 'There is no such run',
    status: 404,
    detail: 'There is no run "0199".',
    code: 'run.unknown',
    next: 'List runs with `tutti runs`.',
    retry: false,
    problems: [],
  },
);
