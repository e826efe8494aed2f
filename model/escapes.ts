/**
 * Undoes escapes: of URLs, JSON and other string literals, HTML and shells, within one another and
 * whichever characters a program escapes. A text and its escaped form become the same symbols, which
 * know where in the text they come from.
 *
 *   %2B %u002b            bytes of UTF-8, characters
 *   \n \x2b \053 \u002b   string literals; a backslash before any other character is left out
 *   &quot; &#39; &#x27;   HTML and XML
 *
 * Escapes are undone again and again until none is left, at most LEVELS times. What a backslash
 * stands before without need keeps its meaning, so a backslash that is left says nothing.
 */

/** So often may one be within another. */
const LEVELS = 5;
const MOST_DIGITS = 8;

/** Stands for a quote of either kind. */
export const QUOTE = 256;
/** What is no byte of UTF-8 yet carries this. */
const BYTE = 0x20_0000;

const [PERCENT, BACKSLASH, AMPERSAND, SEMICOLON] = [0x25, 0x5c, 0x26, 0x3b];
const LITERALS: Readonly<Record<string, number>> = {
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  b: 0x08,
  f: 0x0c,
  v: 0x0b,
  a: 0x07,
  e: 0x1b,
  E: 0x1b,
};
const NAMED: Readonly<Record<string, number>> = {
  amp: 0x26,
  lt: 0x3c,
  gt: 0x3e,
  quot: 0x22,
  apos: 0x27,
  nbsp: 0xa0,
};
const LONGEST_NAME = 4;

/** Who is given what is left, with the place in the text that each symbol stands for. */
export interface Sink {
  /** When all escapes are undone: bytes of UTF-8, and QUOTE for a quote; no backslashes. */
  take(symbol: number, start: number, end: number): void;
  /** When so many levels are undone, 1 or 2: bytes of UTF-8 as they are. */
  takeAt(level: 1 | 2, byte: number, start: number, end: number): void;
}

/** What is left of a stretch of the text, level by level. Each piece ends where the next one begins. */
interface Pieces {
  readonly codes: Int32Array;
  readonly starts: Int32Array;
  length: number;
  readonly end: number;
}

/** Further than the longest escape of all levels reaches. */
const REACH = 64;

/**
 * Gives how much of the text was read: what is left may be the beginning of an escape. `isLast`:
 * nothing follows, so it is none, and all is read.
 */
export function unescape(text: string, isLast: boolean, sink: Sink): number {
  const whole =
    isLast || !isHighSurrogate(text.charCodeAt(text.length - 1)) ? text.length : text.length - 1;
  for (let at = 0; ; ) {
    const begin = give(text, at, whole, sink);
    if (begin === whole) return whole;
    const end = endOfCluster(text, begin, whole);
    const { first, second, pieces, read } = undoneIn(text, begin, end, isLast || end < whole);
    giveBytes(first, read, (byte, start, stop) => sink.takeAt(1, byte, start, stop));
    giveBytes(second, read, (byte, start, stop) => sink.takeAt(2, byte, start, stop));
    giveAll(pieces, sink);
    if (read < end) return read;
    at = end;
  }
}

function beginsEscape(code: number): boolean {
  return code === PERCENT || code === BACKSLASH || code === AMPERSAND;
}

/** The escapes around this place, and so much behind the last of them as it may reach. */
function endOfCluster(text: string, begin: number, whole: number): number {
  let last = begin;
  for (let at = begin + 1; at < whole && at < last + REACH; at += 1)
    if (beginsEscape(text.charCodeAt(at))) last = at;
  const end = Math.min(whole, last + REACH);
  return end < whole && isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end;
}

function undoneIn(text: string, begin: number, end: number, isLast: boolean) {
  const pieces = piecesOf(text, begin, end);
  let read = end;
  let first: Pieces | undefined;
  let second: Pieces | undefined;
  for (let level = 1; level <= LEVELS; level += 1) {
    const { stopped, more } = undo(pieces, isLast);
    if (stopped !== undefined) read = Math.min(read, stopped);
    if (level === 1) first = copied(pieces);
    if (level === 2) second = copied(pieces);
    if (!more) break;
  }
  if (!isLast && isHighSurrogate(pieces.codes[pieces.length - 1] ?? 0)) {
    pieces.length -= 1;
    read = Math.min(read, pieces.starts[pieces.length] ?? read);
  }
  const all = { ...pieces, end: read };
  return { first: first ?? all, second: second ?? first ?? all, pieces: all, read };
}

function copied({ codes, starts, length, end }: Pieces): Pieces {
  return { codes: codes.slice(0, length), starts: starts.slice(0, length), length, end };
}

function piecesOf(text: string, begin: number, end: number): Pieces {
  const length = end - begin;
  const codes = new Int32Array(length);
  const starts = new Int32Array(length);
  for (let at = 0; at < length; at += 1) {
    codes[at] = text.charCodeAt(begin + at);
    starts[at] = begin + at;
  }
  return { codes, starts, length, end };
}

/** One level less, in place. `stopped`: where it would have to know what follows; `more`: escapes may be left. */
function undo(pieces: Pieces, isLast: boolean): { stopped?: number; more: boolean } {
  const { codes, starts, length } = pieces;
  let left = 0;
  let undone = false;
  for (let at = 0; at < length; left += 1) {
    const start = starts[at] ?? 0;
    let code = codes[at] ?? 0;
    let taken = 1;
    if (beginsEscape(code)) {
      const escape = escapeAt(pieces, at);
      if (escape === 'incomplete' && !isLast) {
        pieces.length = left;
        return { stopped: start, more: true };
      }
      if (escape !== undefined && escape !== 'incomplete') ({ code, length: taken } = escape);
      undone ||= taken > 1;
    }
    codes[left] = code;
    starts[left] = start;
    at += taken;
  }
  pieces.length = left;
  return { more: undone };
}

interface Escape {
  readonly code: number;
  /** How many pieces it takes. */
  readonly length: number;
}

function escapeAt(pieces: Pieces, at: number): Escape | 'incomplete' | undefined {
  const code = pieces.codes[at];
  if (code === PERCENT) return afterPercent(pieces, at);
  return code === BACKSLASH ? afterBackslash(pieces, at) : afterAmpersand(pieces, at);
}

function afterPercent(pieces: Pieces, at: number): Escape | 'incomplete' | undefined {
  // Where a format has a meaning for one, it is doubled.
  if (pieces.codes[at + 1] === PERCENT && at + 1 < pieces.length)
    return { code: PERCENT, length: 2 };
  const isUnicode = letterAt(pieces, at + 1) === 'u';
  return isUnicode ? digits(pieces, at, 2, 16, 4, false) : digits(pieces, at, 1, 16, 2, true);
}

function afterBackslash(pieces: Pieces, at: number): Escape | 'incomplete' | undefined {
  const letter = letterAt(pieces, at + 1);
  if (letter === undefined) return 'incomplete';
  if (letter === 'u' && letterAt(pieces, at + 2) === '{') return inBraces(pieces, at);
  if (letter === 'u') return digits(pieces, at, 2, 16, 4, false);
  if (letter === 'U') return digits(pieces, at, 2, 16, 8, false);
  if (letter === 'x') return digits(pieces, at, 2, 16, 2, true);
  if (/[0-3]/.test(letter)) return digits(pieces, at, 1, 8, 3, true);
  const code = LITERALS[letter];
  if (code !== undefined) return { code, length: 2 };
  return /[A-Za-z0-9]/.test(letter) ? undefined : { code: pieces.codes[at + 1] ?? 0, length: 2 };
}

/** `\u{1f600}` */
function inBraces(pieces: Pieces, at: number): Escape | 'incomplete' | undefined {
  const end = endOf(pieces, at + 3, '}'.charCodeAt(0), /[0-9a-f]/i);
  return typeof end === 'number' ? numbered(pieces, at, at + 3, end, 16) : end;
}

function afterAmpersand(pieces: Pieces, at: number): Escape | 'incomplete' | undefined {
  if (letterAt(pieces, at + 1) === '#') {
    const isHex = /x/i.test(letterAt(pieces, at + 2) ?? '');
    const from = at + (isHex ? 3 : 2);
    const end = endOf(pieces, from, SEMICOLON, isHex ? /[0-9a-f]/i : /\d/);
    return typeof end === 'number' ? numbered(pieces, at, from, end, isHex ? 16 : 10) : end;
  }
  const end = endOf(pieces, at + 1, SEMICOLON, /[a-z]/i);
  if (typeof end !== 'number') return end;
  const name = textOf(pieces, at + 1, end).toLowerCase();
  const code = NAMED[name];
  return code === undefined || name.length > LONGEST_NAME
    ? undefined
    : { code, length: end + 1 - at };
}

/** Where the closing piece stands, if only such letters stand before it. */
function endOf(
  pieces: Pieces,
  from: number,
  closing: number,
  letters: RegExp,
): number | 'incomplete' | undefined {
  for (let at = from; at - from <= MOST_DIGITS; at += 1) {
    const letter = letterAt(pieces, at);
    if (letter === undefined) return 'incomplete';
    if (pieces.codes[at] === closing) return at === from ? undefined : at;
    if (!letters.test(letter)) return undefined;
  }
  return undefined;
}

function numbered(
  pieces: Pieces,
  at: number,
  from: number,
  end: number,
  radix: number,
): Escape | undefined {
  const code = Number.parseInt(textOf(pieces, from, end), radix);
  return code <= 0x10_ffff ? { code, length: end + 1 - at } : undefined;
}

/** So many digits after a prefix of `skip` pieces. `isByte`: they stand for a byte of UTF-8. */
function digits(
  pieces: Pieces,
  at: number,
  skip: number,
  radix: 8 | 16,
  count: number,
  isByte: boolean,
): Escape | 'incomplete' | undefined {
  let code = 0;
  for (let index = at + skip; index < at + skip + count; index += 1) {
    const letter = letterAt(pieces, index);
    if (letter === undefined) return 'incomplete';
    const digit = (radix === 16 ? /[0-9a-f]/i : /[0-7]/).test(letter)
      ? Number.parseInt(letter, radix)
      : undefined;
    if (digit === undefined) return undefined;
    code = code * radix + digit;
  }
  if (code > 0x10_ffff) return undefined;
  return { code: isByte && code > 0x7f ? BYTE + (code & 0xff) : code, length: skip + count };
}

function textOf({ codes }: Pieces, from: number, to: number): string {
  return String.fromCharCode(...codes.subarray(from, to));
}

/** Undefined where the pieces end, and `''` for what is no character by itself. */
function letterAt({ codes, length }: Pieces, at: number): string | undefined {
  if (at >= length) return undefined;
  const code = codes[at] ?? 0;
  return code < 0x80 ? String.fromCharCode(code) : '';
}

/** The last step: bytes of UTF-8; backslashes that are left are none. */
function giveAll({ codes, starts, length, end }: Pieces, sink: Sink): void {
  const endAt = (at: number) => (at + 1 < length ? (starts[at + 1] ?? end) : end);
  for (let at = 0; at < length; at += 1) {
    const code = codes[at] ?? 0;
    const start = starts[at] ?? 0;
    if (code >= BYTE) sink.take(code - BYTE, start, endAt(at));
    else if (isHighSurrogate(code) && at + 1 < length && isLowSurrogate(codes[at + 1] ?? 0)) {
      at += 1;
      giveCharacter(paired(code, codes[at] ?? 0), start, endAt(at), sink);
    } else giveCharacter(code, start, endAt(at), sink);
  }
}

type Take = (byte: number, start: number, end: number) => void;

/** What stands before `read`, as bytes of UTF-8. */
function giveBytes({ codes, starts, length, end }: Pieces, read: number, take: Take): void {
  for (let at = 0; at < length && (starts[at] ?? read) < read; at += 1) {
    const code = codes[at] ?? 0;
    const start = starts[at] ?? 0;
    const isPair = isHighSurrogate(code) && at + 1 < length && isLowSurrogate(codes[at + 1] ?? 0);
    if (isPair) at += 1;
    const stop = Math.min(read, at + 1 < length ? (starts[at + 1] ?? end) : end);
    if (code >= BYTE) take(code - BYTE, start, stop);
    else if (code < 0x80) take(code, start, stop);
    else
      for (const byte of utf8(isPair ? paired(code, codes[at] ?? 0) : code))
        take(byte, start, stop);
  }
}

/** The same up to the first escape: gives where it stands. */
function give(text: string, from: number, to: number, sink: Sink): number {
  for (let at = from; at < to; at += 1) {
    const code = text.charCodeAt(at);
    if (beginsEscape(code)) return at;
    if (code < 0x80) {
      sink.takeAt(1, code, at, at + 1);
      sink.takeAt(2, code, at, at + 1);
      giveCharacter(code, at, at + 1, sink);
      continue;
    }
    const isPair = isHighSurrogate(code) && isLowSurrogate(text.charCodeAt(at + 1));
    const point = isPair ? paired(code, text.charCodeAt(at + 1)) : code;
    const end = isPair ? at + 2 : at + 1;
    for (const byte of utf8(point)) {
      sink.takeAt(1, byte, at, end);
      sink.takeAt(2, byte, at, end);
      sink.take(byte, at, end);
    }
    at = end - 1;
  }
  return to;
}

function giveCharacter(point: number, start: number, end: number, sink: Sink): void {
  if (point === BACKSLASH) return;
  if (point === 0x22 || point === 0x27) sink.take(QUOTE, start, end);
  else if (point < 0x80) sink.take(point, start, end);
  else for (const byte of utf8(point)) sink.take(byte, start, end);
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}

function paired(high: number, low: number): number {
  return (high - 0xd800) * 0x400 + low - 0xdc00 + 0x1_0000;
}

function utf8(point: number): number[] {
  const tail = (shift: number) => 0x80 | ((point >> shift) & 0x3f);
  if (point < 0x800) return [0xc0 | (point >> 6), tail(0)];
  if (point < 0x1_0000) return [0xe0 | (point >> 12), tail(6), tail(0)];
  return [0xf0 | (point >> 18), tail(12), tail(6), tail(0)];
}
