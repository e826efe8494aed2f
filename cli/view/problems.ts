/**
 * Mistakes in a text, as `file:line:col`, the line itself, a caret and what to do.
 */
import type { Problem } from '../../model/errors.ts';
import { harmless } from './words.ts';

const LINE_MAX_LENGTH = 160;

/** `sources`: the texts by the names that the problems give them. */
export function problemLines(
  problems: readonly Problem[],
  sources: ReadonlyMap<string, string>,
): string[] {
  return problems.flatMap((problem) => [
    `${whereOf(problem)}${harmless(problem.message)}`,
    ...excerpt(problem, sources),
    ...(problem.hint === undefined ? [] : [`    ${harmless(problem.hint)}`]),
  ]);
}

function whereOf({ file, line, column, path }: Problem): string {
  if (line === undefined) return path === undefined ? '' : `${path}: `;
  return `${file ?? 'line'}:${line}:${column ?? 1}: `;
}

function excerpt({ file, line, column }: Problem, sources: ReadonlyMap<string, string>): string[] {
  const source = file === undefined ? undefined : sources.get(file);
  if (source === undefined || line === undefined) return [];
  const text = source.split(/\r?\n/)[line - 1];
  if (text === undefined || text.length > LINE_MAX_LENGTH) return [];
  const number = String(line).padStart(4);
  // The caret keeps the line's own tabs, so it stands where the screen draws the place.
  const indent = text.slice(0, Math.max(0, (column ?? 1) - 1)).replaceAll(/[^\t]/g, ' ');
  return [`${number} | ${harmless(text)}`, `     | ${indent}^`];
}
