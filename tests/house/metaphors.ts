/**
 * The drawing's words in comments. ARCHITECTURE.md draws Tutti as a house with rooms and one book; a comment
 * in the code names the part itself (the journal, the engine), so that a reader needs no legend. `door` and
 * `gate` are names of files, and so are no metaphors. Pages and messages: `tests/messages`.
 */
import { saidInComments } from './comments.ts';
import { isShipped } from './shipped.ts';
import type { SourceFile, Violation } from './source.ts';

/** `room` may still be space: "has room for another". */
const METAPHOR =
  /\b(?:house|books?|in\s+the\s+air|rooms|(?:the|this|that|a|an|each|every|other|another|its)\s+room)\b/gi;

export function metaphorViolations(file: SourceFile): Violation[] {
  if (!isShipped(file.path)) return [];
  const because = 'the drawing belongs to ARCHITECTURE.md: name the part itself.';
  return saidInComments(file, (text) =>
    [...text.matchAll(METAPHOR)].map(({ 0: said, index }) => ({ said, at: index })),
  ).map(({ line, said }) => ({
    path: file.path,
    line,
    what: `says "${said.replaceAll(/\s+/g, ' ')}" in a comment`,
    because,
  }));
}
