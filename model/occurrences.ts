/**
 * Where texts that must not be seen stand in a stream of pieces, however it was cut and however it is
 * escaped. Five readings of the stream are searched beside each other:
 *
 *   as it is    the text, character by character
 *   once, twice what is left when one or two levels of escapes are undone (`escapes.ts`): exactly
 *               the text, whatever stands before and after it
 *   unescaped   what is left when all escapes are undone, of the text and of what is looked for
 *   letters     of that, what base64 and hexadecimal digits are made of: lines and separators do not count
 */
import { Automaton } from './automaton.ts';
import { QUOTE, type Sink, unescape } from './escapes.ts';

/** A stretch of a text that secrets cover. */
export interface Cover {
  readonly from: number;
  readonly to: number;
}

interface Scan {
  readonly covers: readonly Cover[];
  /** From here on the text may be the beginning of a secret. */
  readonly open: number;
}

/** Fewer letters of it stand at the end of any other line. */
const LETTERS_HELD = 4;
/** Less than this is left of a text whose escapes are undone: it would stand in other words. */
const UNESCAPED_MIN_LENGTH = 4;

/** What is looked for. */
export class Sought {
  readonly plain: Automaton;
  readonly exact: Automaton;
  readonly unescaped: Automaton;
  readonly letters: Automaton;

  /** `letters`: base64 and hexadecimal digits. Empty texts are nothing to look for. */
  constructor(texts: readonly string[], letters: readonly string[] = []) {
    this.plain = new Automaton([...texts, ...letters].map(unitsOf));
    this.exact = new Automaton(texts.map((text) => [...new TextEncoder().encode(text)]));
    const unescaped = texts.map(unescapedUnits);
    this.unescaped = new Automaton(
      unescaped.filter(({ length }) => length >= UNESCAPED_MIN_LENGTH),
    );
    this.letters = new Automaton(letters.map((text) => unitsOf(text).map(letterOf)));
  }
}

function unitsOf(text: string): number[] {
  return text.split('').map((unit) => unit.charCodeAt(0));
}

function unescapedUnits(text: string): number[] {
  const found: number[] = [];
  const take = (symbol: number) => {
    if (symbol !== QUOTE || found.at(-1) !== QUOTE) found.push(spaced(symbol));
  };
  unescape(text, true, { take, takeAt: () => undefined });
  return found;
}

/** One search through a stream. Places count from the beginning of the stream. */
export class Search {
  readonly #plain: Reading;
  readonly #once: Reading;
  readonly #twice: Reading;
  readonly #unescaped: Reading;
  readonly #letters: Reading;
  /** What was not read yet, because it may be the beginning of an escape. */
  #rest = '';
  /** How much of the stream was given. */
  #length = 0;
  /** Where its last line begins. */
  #lineEnd = 0;

  constructor({ plain, exact, unescaped, letters }: Sought) {
    this.#plain = new Reading(plain);
    this.#once = new Reading(exact);
    this.#twice = new Reading(exact);
    this.#unescaped = new Reading(unescaped);
    this.#letters = new Reading(letters);
  }

  /** What comes next is another stream. */
  restart(): void {
    const exact = [this.#plain, this.#once, this.#twice];
    for (const reading of [...exact, this.#unescaped, this.#letters]) reading.restart();
    this.#lineEnd = 0;
    this.#rest = '';
    this.#length = 0;
  }

  /** Covers that end in this piece, in order and apart. */
  scan(piece: string, isLast: boolean): Scan {
    const found: Cover[] = [];
    for (let at = 0; at < piece.length; at += 1)
      this.#plain.take(piece.charCodeAt(at), this.#length + at, this.#length + at + 1, found);
    const text = this.#rest + piece;
    const read = unescape(text, isLast, this.#sinkOf(this.#length - this.#rest.length, found));
    this.#rest = text.slice(read);
    this.#length += piece.length;
    const lineEnd = Math.max(piece.lastIndexOf('\n'), piece.lastIndexOf('\r'));
    if (lineEnd !== -1) this.#lineEnd = this.#length - piece.length + lineEnd + 1;
    const open = Math.min(
      this.#length - this.#rest.length,
      this.#plain.open(1, this.#length),
      this.#once.open(1, this.#length),
      this.#twice.open(1, this.#length),
      this.#unescaped.open(1, this.#length),
      this.#openLetters(),
    );
    return { covers: merged(found), open: isLast ? this.#length : open };
  }

  /** A few letters at the end of a line are the end of a word: they wait for no other line. */
  #openLetters(): number {
    const open = this.#letters.open(1, this.#length);
    return open >= this.#lineEnd ? open : this.#letters.open(LETTERS_HELD, this.#length);
  }

  #sinkOf(base: number, found: Cover[]): Sink {
    const unescaped = this.#unescaped;
    const letters = this.#letters;
    const once = this.#once;
    const twice = this.#twice;
    return {
      takeAt: (level, byte, start, end) =>
        (level === 1 ? once : twice).take(byte, base + start, base + end, found),
      take: (symbol, start, end) => {
        if (symbol !== QUOTE || unescaped.last !== QUOTE)
          unescaped.take(spaced(symbol), base + start, base + end, found);
        const letter = letterOf(symbol);
        if (letter !== NO_LETTER) letters.take(letter, base + start, base + end, found);
      },
    };
  }
}

/** `+` is a space in forms. */
function spaced(symbol: number): number {
  return symbol === 0x2b ? 0x20 : symbol;
}

const NO_LETTER = -1;
const LETTERS = lettersTable();

/** Letters of base64 for URLs are those of the other; ends of lines, separators of digits and quotes are none. */
function lettersTable(): Int16Array {
  const table = Int16Array.from({ length: QUOTE + 1 }, (_, symbol) => symbol);
  for (const between of [0x20, 0x09, 0x0a, 0x0d, 0x2c, 0x3a, QUOTE]) table[between] = NO_LETTER;
  table[0x2d] = 0x2b;
  table[0x5f] = 0x2f;
  return table;
}

function letterOf(symbol: number): number {
  return LETTERS[symbol] ?? symbol;
}

/** One automaton on its way through the stream. */
class Reading {
  readonly #automaton: Automaton;
  /** Where the last symbols begin, in a ring: as many as have begun something, or more. */
  #starts = new Float64Array(64);
  #count = 0;
  #at = 0;
  last = 0;

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
  }

  restart(): void {
    this.#at = 0;
    this.last = 0;
  }

  take(symbol: number, start: number, end: number, found: Cover[]): void {
    this.last = symbol;
    const at = this.#automaton.step(this.#at, symbol);
    this.#at = at;
    if (at === 0) return;
    this.#starts[this.#count & (this.#starts.length - 1)] = start;
    this.#count += 1;
    const whole = this.#automaton.whole(at);
    if (whole > 0) found.push({ from: this.#start(whole), to: end });
    if (this.#automaton.depth(at) >= this.#starts.length - 1) this.#widen();
  }

  /** Where the longest beginning stands that has at least so many symbols; else the end. */
  open(least: number, end: number): number {
    const open = this.#automaton.open(this.#at);
    return open < least ? end : this.#start(open);
  }

  /** Where the last symbols, so many, begin. */
  #start(symbols: number): number {
    return this.#starts[(this.#count - symbols) & (this.#starts.length - 1)] ?? 0;
  }

  #widen(): void {
    const starts = new Float64Array(this.#starts.length * 2);
    for (let back = 1; back < this.#starts.length; back += 1)
      starts[(this.#count - back) & (starts.length - 1)] = this.#start(back);
    this.#starts = starts;
  }
}

/** In order, and apart. */
export function merged(found: Cover[]): Cover[] {
  if (found.length < 2) return found;
  found.sort((left, right) => left.from - right.from || left.to - right.to);
  const covers: Cover[] = [];
  for (const { from, to } of found) {
    const before = covers.at(-1);
    if (before === undefined || before.to < from) covers.push({ from, to });
    else covers[covers.length - 1] = { from: before.from, to: Math.max(before.to, to) };
  }
  return covers;
}
