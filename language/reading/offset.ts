/** Where a character of a text value stands in the file, through quotes, escapes and blocks. */
import type { Scalar } from 'yaml';

/** The offset in `source` of the character at `offset` of the scalar's value. */
export function offsetInSource(scalar: Scalar, source: string, offset: number): number {
  const [start, end] = scalar.range ?? [0, 0];
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
  const wanted = value.split('\n')[before.length - 1] ?? '';
  let line = start;
  for (let skipped = 0; skipped < before.length; skipped += 1) {
    const next = source.indexOf('\n', line);
    if (next === -1) return start;
    line = next + 1;
  }
  const text = source.slice(
    line,
    source.indexOf('\n', line) === -1 ? undefined : source.indexOf('\n', line),
  );
  const indent = text.length - wanted.length;
  if (!text.endsWith(wanted) || indent < 0) return line;
  return line + indent + (before.at(-1)?.length ?? 0);
}
