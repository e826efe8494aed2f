/** A mistake as people read it: place, code, sentence, the line with a caret, what to do. */
import type { Problem } from './errors.ts';

const SHOWN_CHARACTERS = 120;

/** With the source, the line in question is shown under the sentence. */
export function formatProblem(problem: Problem, source?: string): string {
  const { file, line, column, path } = problem;
  const place = [file ?? (line === undefined ? path : undefined), line, line && column]
    .filter((part) => part !== undefined)
    .join(':');
  const lines = [`${place === '' ? '' : `${place} `}${problem.code} ${problem.message}`];
  if (source !== undefined && line !== undefined) {
    const text = lineOf(source, line);
    if (text !== undefined) lines.push(...caret(text, column ?? 1, String(line)));
  }
  if (problem.hint !== undefined) lines.push(`  hint: ${problem.hint}`);
  return lines.join('\n');
}

function caret(text: string, column: number, line: string): readonly string[] {
  const start = Math.max(0, column - SHOWN_CHARACTERS + 20);
  const shown = text.slice(start, start + SHOWN_CHARACTERS).replaceAll('\t', ' ');
  const margin = ' '.repeat(line.length);
  return [`  ${line} | ${shown}`, `  ${margin} | ${' '.repeat(Math.max(0, column - 1 - start))}^`];
}

/** Without splitting the whole source: a large file may have many problems. */
function lineOf(source: string, line: number): string | undefined {
  let start = 0;
  for (let passed = 1; passed < line; passed += 1) {
    const end = source.indexOf('\n', start);
    if (end === -1) return undefined;
    start = end + 1;
  }
  const end = source.indexOf('\n', start);
  return source.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
}
