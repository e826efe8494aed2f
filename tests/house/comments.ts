/**
 * Comments as running text: a phrase is found across the end of a line, too, and what stands in code
 * or in a string is not read. Each character keeps its place in the file.
 */
import { type SourceFile, commentsOf, lineOf } from './source.ts';

const CODE_SIGN = '#';

function proseOf(file: SourceFile): string {
  const parts: string[] = [];
  let at = 0;
  for (const { text, start } of commentsOf(file)) {
    parts.push(file.text.slice(at, start).replaceAll(/\S/g, CODE_SIGN));
    parts.push(
      text.replaceAll(/^\/\*+|\*\/$|^\/\/+|^\s*\*/gm, (marks) => marks.replaceAll(/[*/]/g, ' ')),
    );
    at = start + text.length;
  }
  return [...parts, file.text.slice(at).replaceAll(/\S/g, CODE_SIGN)].join('');
}

/** The lines of comments that say what `find` finds in their text. */
export function saidInComments(
  file: SourceFile,
  find: (text: string) => readonly { readonly said: string; readonly at: number }[],
): { readonly line: number; readonly said: string }[] {
  return find(proseOf(file)).map(({ said, at }) => ({ line: lineOf(file, at), said }));
}
