/**
 * Bytes from outside as text: UTF-8, with or without a mark at its start, and nothing else. A
 * decoder that is asked kindly turns every other encoding into replacement characters, and what
 * was written is lost without a word; here the encoding is named instead.
 */
import type { Problem } from './errors.ts';
import { type JsonRead, NESTING, readJson } from './json-text.ts';

type TextRead =
  | { readonly text: string; readonly problem?: never }
  | { readonly text?: never; readonly problem: Problem };

const SAVE_AS_UTF8 = 'save it as UTF-8';
const REPLACEMENT = '\ufffd';

/** Never throws. A mark at the start is taken away. */
export function readText(bytes: Uint8Array): TextRead {
  const wide = wideEncoding(bytes);
  if (wide !== undefined) return refusedAt('', `the text is encoded as ${wide}`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return notUtf8(bytes);
  }
  const nul = text.indexOf('\0');
  return nul < 0 ? { text } : refusedAt(text.slice(0, nul), 'the text holds the character U+0000');
}

/** JSON that arrives as bytes. */
export function readJsonBytes(bytes: Uint8Array, nesting: number = NESTING): JsonRead {
  const { text, problem } = readText(bytes);
  return problem === undefined ? readJson(text, nesting) : { problem };
}

/** UTF-16 and UTF-32, by their mark, or by the zeros that they make of plain letters. */
function wideEncoding(bytes: Uint8Array): string | undefined {
  const [a = -1, b = -1, c = -1, d = -1] = bytes;
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? 'UTF-32' : 'UTF-16 (little endian)';
  if (a === 0xfe && b === 0xff) return 'UTF-16 (big endian)';
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return 'UTF-32';
  if (a > 0 && b === 0 && c > 0 && d === 0) return 'UTF-16 (little endian, without a mark)';
  if (a === 0 && b > 0 && c === 0 && d > 0) return 'UTF-16 (big endian, without a mark)';
  return undefined;
}

function notUtf8(bytes: Uint8Array): TextRead {
  const text = new TextDecoder('utf-8').decode(bytes);
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  let offset = marked ? 3 : 0;
  let from = 0;
  for (;;) {
    const index = text.indexOf(REPLACEMENT, from);
    // The author may have written the replacement character itself.
    offset += new TextEncoder().encode(text.slice(from, index)).length;
    const written = bytes[offset] === 0xef && bytes[offset + 1] === 0xbf;
    if (index === -1 || !(written && bytes[offset + 2] === 0xbd)) {
      const byte = (bytes[offset] ?? 0).toString(16).toUpperCase().padStart(2, '0');
      return refusedAt(
        text.slice(0, index),
        `the text is not UTF-8: the byte 0x${byte} stands here, as in Latin-1 or Windows-1252`,
      );
    }
    offset += 3;
    from = index + 1;
  }
}

function refusedAt(before: string, message: string): TextRead {
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  return { problem: { code: 'text.encoding', message, hint: SAVE_AS_UTF8, line, column } };
}
