/** A mistake before its place is known: a path into the value instead of a line and column. */
import type { Problem } from './errors.ts';

export type Path = readonly (string | number)[];

export interface Issue {
  readonly code: string;
  readonly message: string;
  readonly path: Path;
  /** Whether the key or the value of the path is meant. */
  readonly at: 'key' | 'value';
  /** Offset inside the text that stands at the path. */
  readonly offset?: number | undefined;
  readonly hint?: string | undefined;
}

/** A sentence, or how it is found: only the hints that are shown are searched for. */
export type Hint = string | undefined | (() => string | undefined);

export type Report = (
  issue: Omit<Issue, 'at' | 'hint'> & { readonly at?: Issue['at']; readonly hint?: Hint },
) => void;

/** `tasks.post-ledger.retry`, `tasks.a.switch[0].when`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text.length > 500 ? `${text.slice(0, 497)}...` : text;
}

export function toProblem(issue: Issue): Problem {
  return {
    code: issue.code,
    message: issue.message,
    ...(issue.hint !== undefined && { hint: issue.hint }),
    ...(issue.path.length > 0 && { path: formatPath(issue.path) }),
  };
}

/** What was found, in few words. */
export function found(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
