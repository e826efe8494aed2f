/**
 * Finding `${{ ... }}` in a text. The end of an expression is looked for with CEL in mind: braces
 * of a map and quotes of a string do not end it.
 */
import { ExpressionError } from './failure.ts';

export interface TemplatePiece {
  readonly kind: 'text' | 'expression';
  readonly text: string;
  /** Where `text` starts in the source. */
  readonly offset: number;
}

export const OPENING = '${{';

/** Throws ExpressionError for an expression that does not end. */
export function splitTemplate(source: string): readonly TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let position = 0;
  for (;;) {
    const start = source.indexOf(OPENING, position);
    if (start === -1) break;
    if (start > position) {
      pieces.push({ kind: 'text', text: source.slice(position, start), offset: position });
    }
    const inside = start + OPENING.length;
    const end = closing(source, inside);
    if (end === undefined) throw new ExpressionError('"${{" has no "}}" that ends it', start);
    pieces.push({ kind: 'expression', text: source.slice(inside, end), offset: inside });
    position = end + 2;
  }
  if (position < source.length) {
    pieces.push({ kind: 'text', text: source.slice(position), offset: position });
  }
  return pieces;
}

function closing(source: string, from: number): number | undefined {
  let braces = 0;
  for (let position = from; position < source.length; position += 1) {
    switch (source.charAt(position)) {
      case '"':
      case "'":
        position = endOfString(source, position);
        break;
      case '{':
        braces += 1;
        break;
      case '}':
        if (braces > 0) braces -= 1;
        else if (source[position + 1] === '}') return position;
        break;
    }
  }
  return undefined;
}

/** The position of the last quote, or the end of the text. */
function endOfString(source: string, start: number): number {
  const quote = source.charAt(start);
  const mark = source.startsWith(quote.repeat(3), start) ? quote.repeat(3) : quote;
  for (let position = start + mark.length; position < source.length; position += 1) {
    if (source[position] === '\\') position += 1;
    else if (source.startsWith(mark, position)) return position + mark.length - 1;
  }
  return source.length;
}
