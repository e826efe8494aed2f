/**
 * The drawing's words in comments. ARCHITECTURE.md draws Tutti as a house with rooms and one book; a comment
 * in the code names the part itself (the journal, the engine), so that a reader needs no legend. `door` and
 * `gate` are names of files, and so are no metaphors. Pages and messages: `tests/messages`.
 */
import { ORDER } from './rooms.ts';
import { type SourceFile, type Violation, commentsOf, isTestCode, lineOf } from './source.ts';

/** `room` may still be space: "has room for another". */
const METAPHOR =
  /\b(?:house|books?|in the air|rooms|(?:the|this|that|a|an|each|every|other|another|its) room)\b/i;

export function metaphorViolations(file: SourceFile): Violation[] {
  if (!ORDER.includes(file.path.split('/')[0] ?? '') || isTestCode(file.path)) return [];
  return commentsOf(file).flatMap(({ text, start }) =>
    text.split('\n').flatMap((line, i) => {
      const hit = METAPHOR.exec(line);
      if (hit === null) return [];
      const because = 'the drawing belongs to ARCHITECTURE.md: name the part itself.';
      const what = `says "${hit[0]}" in a comment`;
      return [{ path: file.path, line: lineOf(file, start) + i, what, because }];
    }),
  );
}
