/**
 * Blacks out texts that must not be seen, wherever they stand in a value or a stream. Exactly that much
 * of a stream is held back that may be the beginning of a secret, and nothing where nothing begins.
 * All occurrences are blacked out, those that overlap too; what they cover together has one mark.
 */
import type { Json, JsonObject } from './json.ts';
import { type Cover, merged, Search, Sought } from './occurrences.ts';

const BLACKED_OUT = '•••';

export class Redactor {
  readonly #sought: Sought;
  /** Through one text after another. */
  readonly #whole: Search;
  readonly #numbers: boolean;

  /** `letters`: base64 and hexadecimal digits. Empty texts are nothing to look for. */
  constructor(texts: readonly string[], letters: readonly string[] = []) {
    this.#sought = new Sought(texts, letters);
    this.#whole = new Search(this.#sought);
    this.#numbers = texts.some((text) => /^[\d.]+$/.test(text));
  }

  text(text: string): string {
    this.#whole.restart();
    const { covers } = this.#whole.scan(text, true);
    return covers.length === 0 ? text : masked(text, covers, text.length, false);
  }

  /** The value itself where there is nothing to black out. */
  value(value: Json): Json {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.#number(value);
    if (typeof value !== 'object' || value === null) return value;
    return Array.isArray(value) ? this.#list(value) : this.#object(value as JsonObject);
  }

  /** A text that comes in pieces. */
  stream(covered = 0): RedactedStream {
    return new RedactedStream(this.#sought, covered);
  }

  #number(value: number): Json {
    if (!this.#numbers) return value;
    const text = String(value);
    const clean = this.text(text);
    return clean === text ? value : clean;
  }

  #list(list: readonly Json[]): Json {
    let clean: Json[] | undefined;
    for (const [index, each] of list.entries()) {
      const one = this.value(each);
      if (one === each) continue;
      clean ??= [...list];
      clean[index] = one;
    }
    return clean ?? list;
  }

  #object(object: JsonObject): Json {
    const entries = Object.entries(object);
    const clean = entries.map(([name, each]) => [this.text(name), this.value(each)] as const);
    const same = clean.every(([name, each], index) => {
      const [before, value] = entries[index] ?? [];
      return name === before && each === value;
    });
    return same ? object : Object.fromEntries(clean);
  }
}

/** One stream of pieces: a piece gives what is certain of it, and of what was held back before. */
export class RedactedStream {
  readonly #search: Search;
  #held = '';
  #covered: number;
  /** Of the stream, before what is held. */
  #given = 0;
  /** In what is held; they count from the beginning of the stream. */
  #covers: readonly Cover[] = [];

  constructor(sought: Sought, covered: number) {
    this.#search = new Search(sought);
    this.#covered = covered;
  }

  /** How many characters are held back. */
  get held(): number {
    return this.#held.length;
  }

  /** How many of those that come next belong to a secret that was blacked out already. */
  get covered(): number {
    return this.#covered;
  }

  write(piece: string): string {
    return this.#take(piece, false);
  }

  /** Nothing follows: what was held back is no secret. */
  end(): string {
    return this.#take('', true);
  }

  #take(piece: string, last: boolean): string {
    const text = this.#held + piece;
    const { covers, open } = this.#search.scan(piece, last);
    const begun = this.#covered > 0;
    const all = this.#inText(covers);
    const end = Math.max(0, open - this.#given);
    const clean = all.length === 0 ? text.slice(0, end) : masked(text, all, end, begun);
    const across = all.find(({ from, to }) => end < to && (from < end || (begun && from === 0)));
    // A secret ends in the piece that is held back: its mark is there, the rest of it must not be.
    this.#covered = across === undefined ? 0 : across.to - end;
    this.#covers = all
      .filter(({ from }) => from >= end)
      .map(({ from, to }) => ({ from: from + this.#given, to: to + this.#given }));
    this.#given += end;
    this.#held = text.slice(end);
    return clean;
  }

  /** All covers, by their places in what is held and what came now. A beginning that was given stays so. */
  #inText(found: readonly Cover[]): readonly Cover[] {
    if (found.length === 0 && this.#covers.length === 0 && this.#covered === 0) return [];
    const covers = [...this.#covers, ...found].map(({ from, to }) => ({
      from: Math.max(0, from - this.#given),
      to: to - this.#given,
    }));
    if (this.#covered > 0) covers.push({ from: 0, to: this.#covered });
    return merged(covers);
  }
}

/** The text up to `end`; `begun`: the mark of a cover at its very beginning was given before. */
function masked(text: string, covers: readonly Cover[], end: number, begun: boolean): string {
  let clean = '';
  let at = 0;
  for (const { from, to } of covers) {
    if (from >= end) break;
    clean += text.slice(at, from);
    if (from > 0 || !begun) clean += BLACKED_OUT;
    at = to;
  }
  return at >= end ? clean : clean + text.slice(at, end);
}
