/**
 * The one reader of JSON that comes from outside: request bodies, inputs on the command line,
 * what jobs leave behind, what services and databases reply, what other nodes send.
 *
 * `JSON.parse` takes more than can be kept: it rounds large numbers, turns 1e999 into Infinity
 * (and that is written as null), lets the last of two equal keys win, and reads a nesting that
 * `JSON.stringify` cannot write. What this reader gives can be written, and read back as the same
 * value; else it says what is wrong, where, and what to do. Its time is linear in the text; a long
 * string is looked through by the host's own search.
 */
import type { Problem } from './errors.ts';
import type { Json } from './json.ts';

/** Containers inside each other, at most. */
export const NESTING = 100;
/** A key that programs in JavaScript confuse with something else. */
const RESERVED_KEY = '__proto__';
export const QUOTE_NUMBER = 'quote it to keep it as a text';

const LONGEST_NUMBER = 1_000;
/** So many digits are kept of any number. */
const SAFE_DIGITS = 17;
const SHOWN_CHARACTERS = 60;

export type JsonRead =
  | { readonly value: Json; readonly problem?: never }
  | { readonly value?: never; readonly problem: Problem };

/** Reads a whole text. Never throws. `nesting`: for what is wrapped by a layer of ours. */
export function readJson(text: string, nesting: number = NESTING): JsonRead {
  const reader = new Reader(text, nesting);
  try {
    return { value: reader.document() };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return { problem: problemAt(text, error) };
  }
}

/** A problem with its place and its advice as the end of a sentence. */
export function problemSentence({ message, hint, line, column }: Problem): string {
  const place = line === undefined ? '' : ` (line ${line}, column ${column ?? 1})`;
  return `${message}${place}${hint === undefined ? '' : `; ${hint}`}`;
}

/** What no text of Tutti may hold, as the end of a sentence; undefined when all is well. */
export function unwritable(text: string): string | undefined {
  if (text.includes('\0')) return 'holds the character U+0000, which a database cannot store';
  return text.isWellFormed() ? undefined : 'holds one half of a surrogate pair, which is no text';
}

class Mistake extends Error {
  readonly code: string;
  readonly offset: number;
  readonly hint: string | undefined;
  constructor(code: string, message: string, offset: number, hint?: string) {
    super(message);
    this.code = code;
    this.offset = offset;
    this.hint = hint;
  }
}

function problemAt(text: string, { code, message, offset, hint }: Mistake): Problem {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = text.indexOf('\n', start);
    if (end === -1 || end >= offset) break;
    line += 1;
    start = end + 1;
  }
  const column = offset - start + 1;
  return { code, message, ...(hint !== undefined && { hint }), line, column };
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
const BYTE_ORDER_MARK = 0xfeff;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
// Control characters are what is looked for.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f]/;

class Reader {
  readonly #text: string;
  readonly #nesting: number;
  #at = 0;

  constructor(text: string, nesting: number) {
    this.#text = text;
    this.#nesting = nesting;
    if (text.charCodeAt(0) === BYTE_ORDER_MARK) this.#at = 1;
  }

  document(): Json {
    this.#next();
    if (this.#at >= this.#text.length) {
      throw this.#mistake('the text is empty', 'JSON is expected');
    }
    const value = this.#value(0);
    this.#next();
    if (this.#at < this.#text.length) {
      throw this.#mistake(`${this.#seen()} follows the end of the JSON`, 'one value is expected');
    }
    return value;
  }

  /** The next character that is no space; NaN at the end. */
  #next(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== SPACE && code !== LINE_FEED && code !== RETURN && code !== TAB) return code;
      this.#at += 1;
    }
  }

  #value(depth: number): Json {
    switch (this.#next()) {
      case QUOTE:
        return this.#string();
      case OPEN_MAP:
        return this.#map(this.#deeper(depth));
      case OPEN_LIST:
        return this.#list(this.#deeper(depth));
    }
    return this.#word();
  }

  #deeper(depth: number): number {
    if (depth < this.#nesting) return depth + 1;
    throw this.#mistake(
      `the JSON is nested deeper than ${this.#nesting} levels`,
      'make it flatter',
      {
        code: 'json.nesting',
      },
    );
  }

  #list(depth: number): Json {
    const list: Json[] = [];
    this.#at += 1;
    if (this.#next() === CLOSE_LIST) {
      this.#at += 1;
      return list;
    }
    for (;;) {
      list.push(this.#value(depth));
      const code = this.#next();
      if (code !== COMMA && code !== CLOSE_LIST) throw this.#expected('"," or "]"');
      this.#at += 1;
      if (code === CLOSE_LIST) return list;
    }
  }

  #map(depth: number): Json {
    const map: Record<string, Json> = {};
    this.#at += 1;
    if (this.#next() === CLOSE_MAP) {
      this.#at += 1;
      return map;
    }
    for (;;) {
      const key = this.#key(map);
      if (this.#next() !== COLON) throw this.#expected('":"');
      this.#at += 1;
      map[key] = this.#value(depth);
      const code = this.#next();
      if (code !== COMMA && code !== CLOSE_MAP) throw this.#expected('"," or "}"');
      this.#at += 1;
      if (code === CLOSE_MAP) return map;
    }
  }

  #key(map: Readonly<Record<string, Json>>): string {
    if (this.#next() !== QUOTE) throw this.#expected('a key in double quotes');
    const offset = this.#at;
    const key = this.#string();
    if (Object.hasOwn(map, key)) {
      throw this.#mistake(
        `the key ${shown(key)} occurs twice in one object`,
        'remove one of them',
        {
          code: 'json.duplicate',
          offset,
        },
      );
    }
    if (key !== RESERVED_KEY) return key;
    throw this.#mistake(`the key "${RESERVED_KEY}" cannot be used`, 'rename it', {
      code: 'json.key',
      offset,
    });
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let end = start;
    do {
      end = text.indexOf('"', end + 1);
      if (end === -1) throw this.#mistake('a text has no closing quote');
    } while (isEscaped(text, end));
    const written = text.slice(start + 1, end);
    const value = written.includes('\\') ? this.#unescaped(text.slice(start, end + 1)) : written;
    if (value === written && CONTROL.test(written)) throw this.#controlCharacter(written);
    const wrong = unwritable(value);
    if (wrong !== undefined) {
      throw this.#mistake(
        `a text ${wrong}`,
        'remove it, or encode the text, as base64 for example',
        {
          code: 'json.text',
        },
      );
    }
    this.#at = end + 1;
    return value;
  }

  #unescaped(quoted: string): string {
    try {
      return JSON.parse(quoted) as string;
    } catch {
      if (CONTROL.test(quoted)) throw this.#controlCharacter(quoted.slice(1));
      throw this.#mistake(
        'a text holds a "\\" that begins no escape of JSON',
        'write it as "\\\\"',
      );
    }
  }

  #controlCharacter(written: string): Mistake {
    const index = written.search(CONTROL);
    const name = (written.codePointAt(index) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return this.#mistake(`a text holds the character U+${name} unescaped`, `write \\u${name}`, {
      offset: this.#at + 1 + index,
    });
  }

  /** A number, `true`, `false` or `null`. */
  #word(): Json {
    const word = wordAt(this.#text, this.#at);
    if (word === 'null') return this.#passed(word, null);
    if (word === 'true') return this.#passed(word, true);
    if (word === 'false') return this.#passed(word, false);
    if (word === '' || word.length > LONGEST_NUMBER || !NUMBER.test(word)) {
      throw this.#expected('a value of JSON');
    }
    const value = Number(word);
    const wrong = inexact(word, value);
    if (wrong === undefined) return this.#passed(word, value);
    throw this.#mistake(`the number ${cut(word)} ${wrong}`, QUOTE_NUMBER, { code: 'json.number' });
  }

  #passed<T>(word: string, value: T): T {
    this.#at += word.length;
    return value;
  }

  #seen(): string {
    if (this.#at >= this.#text.length) return 'the end of the text';
    const word = wordAt(this.#text, this.#at);
    return shown(word === '' ? String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0) : word);
  }

  #expected(what: string): Mistake {
    return this.#mistake(`${what} is expected, found ${this.#seen()}`);
  }

  #mistake(
    message: string,
    hint?: string,
    { code = 'json.syntax', offset = this.#at }: { code?: string; offset?: number } = {},
  ): Mistake {
    return new Mistake(code, message, offset, hint);
  }
}

/** Why a number would not be kept as it is written, as the end of a sentence. */
export function inexact(written: string, value: number): string | undefined {
  if (!Number.isFinite(value)) return 'is too large';
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && !isRound(written)) {
    return 'would be rounded: it is beyond 2^53';
  }
  if (value === 0 && /^-?[0.]*[1-9]/.test(written)) return 'is too small, and would become 0';
  return undefined;
}

/** A large number in the manner of 1.5e300: what it says has no more digits than can be kept. */
function isRound(written: string): boolean {
  if (!/[.eE]/.test(written)) return false;
  const digits = written.replace(/[eE].*$/, '').replaceAll(/[-.]/g, '');
  return digits.replace(/^0+/, '').replace(/0+$/, '').length <= SAFE_DIGITS;
}

/** Whether an odd number of backslashes stands before it. */
function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}

/** May be empty. */
function wordAt(text: string, at: number): string {
  const word = /[\w.+-]*/y;
  word.lastIndex = at;
  return word.exec(text)?.[0] ?? '';
}

function shown(text: string): string {
  return JSON.stringify(cut(text));
}

/** Whole or not at all: a text that is cut does not show whether a secret begins in it. */
function cut(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `(${text.length} characters)` : text;
}
