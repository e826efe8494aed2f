/**
 * Idioms: a reader who learned English at school has to decode them. Refused in the comments of what
 * ships here, in messages and pages by `tests/messages`.
 */
import { saidInComments } from './comments.ts';
import { isShipped } from './shipped.ts';
import type { SourceFile, Violation } from './source.ts';

const IDIOMS = [
  'go(?:es)? on',
  'going on',
  'went on',
  'nobody',
  'somebody',
  '(?:is|are|was|were) told',
  'mend(?:s|ed)?',
  'the book',
  'the house',
  'lets? go',
  'anew',
  'for ever',
];
const IDIOM = new RegExp(
  String.raw`\b(?:${IDIOMS.join('|').replaceAll(' ', String.raw`\s+`)})\b`,
  'gi',
);
/** The user of the operating system has that name. */
const NAMED = /(["'`])nobody\1/g;

/** Also across the end of a line. */
export function idiomsIn(text: string): { readonly said: string; readonly at: number }[] {
  const judged = text.replaceAll(NAMED, (name) => '.'.repeat(name.length));
  return [...judged.matchAll(IDIOM)].map(({ 0: said, index }) => ({
    said: said.replaceAll(/\s+/g, ' '),
    at: index,
  }));
}

export function idiomViolations(file: SourceFile): Violation[] {
  if (!isShipped(file.path)) return [];
  const because =
    'a reader who is no native speaker decodes it: name who does what (continue, no node).';
  return saidInComments(file, idiomsIn).map(({ line, said }) => ({
    path: file.path,
    line,
    what: `says "${said}" in a comment`,
    because,
  }));
}
