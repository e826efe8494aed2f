/** Where a character of a text value stands in the file, through quotes, escapes and blocks. */
import type { Scalar } from 'yaml';

/**
 * The offset in `source` of the character at `offset` of the scalar's value; undefined when the
 * scalar does not stand there.
 */
export function offsetInSource(scalar: Scalar, source: string, offset: number): number | undefined {
  if (!scalar.range) return undefined;
  const [start, end] = scalar.range;
  const { type } = scalar;
  switch (type) {
    case 'PLAIN': {
      const plain = source.slice(start, end);
      return plain === scalar.value ? start + offset : start;
    }
    case 'QUOTE_SINGLE':
    case 'QUOTE_DOUBLE':
      return inQuotes(source, start, end, offset, type === 'QUOTE_DOUBLE');
    case 'BLOCK_LITERAL':
      return inLiteral(source, start, offset, scalar.value);
    case 'BLOCK_FOLDED':
    case undefined:
      break;
  }
  return start;
}

function inQuotes(
  source: string,
  start: number,
  end: number,
  offset: number,
  escapes: boolean,
): number {
  let position = start + 1;
  for (let left = offset; left > 0 && position < end - 1; left -= 1) {
    if (source[position] === '\n') return start;
    if (escapes && source[position] === '\\') position += escapeLength(source.charAt(position + 1));
    else if (!escapes && source.startsWith("''", position)) position += 2;
    else position += 1;
  }
  return Math.min(position, Math.max(start, end - 1));
}

function escapeLength(letter: string): number {
  return { x: 4, u: 6, U: 10 }[letter] ?? 2;
}

/** A literal block keeps its lines; only the indentation is gone. */
function inLiteral(source: string, start: number, offset: number, value: unknown): number {
  if (typeof value !== 'string') return start;
  const before = value.slice(0, offset).split('\n');
  const wanted = value.split('\n')[before.length - 1];
  const begun = before.at(-1);
  if (wanted === undefined || begun === undefined) return start;
  let line = start;
  for (let skipped = 0; skipped < before.length; skipped += 1) {
    const ending = source.indexOf('\n', line);
    if (ending === -1) return start;
    line = ending + 1;
  }
  const end = source.indexOf('\n', line);
  const text = end === -1 ? source.slice(line) : source.slice(line, end);
  const indent = text.length - wanted.length;
  if (!text.endsWith(wanted) || indent < 0) return line;
  return line + indent + begun.length;
}
