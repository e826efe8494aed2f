/**
 * Blacks out texts that must not be seen, wherever they stand in a text and however it was cut.
 *
 * All texts are looked for in one pass (Aho and Corasick, 1975): a tree of their beginnings, in
 * which each place knows the longest other beginning that ends there too. So the time does not
 * depend on how many secrets there are, and the place that a pass ends at says how much of the
 * end may be the beginning of a secret: exactly that much of a stream is held back, and nothing
 * where nothing begins. All occurrences are found, those that overlap too, and what they cover
 * together is blacked out as one.
 */
import type { Json, JsonObject } from './json.ts';

export const BLACKED_OUT = '•••';

/** A stretch of a text that secrets cover. */
interface Cover {
  readonly from: number;
  readonly to: number;
}

interface Scan {
  readonly covers: readonly Cover[];
  /** From here on the text may be the beginning of a secret. */
  readonly open: number;
}

export class Redactor {
  /** The tree's first level by character; the rest by its only child, or by a map. */
  readonly #first = new Int32Array(0x10000);
  readonly #character: number[] = [-1];
  readonly #child: number[] = [0];
  readonly #more: (Map<number, number> | undefined)[] = [undefined];
  readonly #depth: number[] = [0];
  /** The place of the longest other beginning that ends here. */
  readonly #fallback: number[] = [0];
  /** The length of the longest secret that ends here. */
  readonly #whole: number[] = [0];
  readonly #numbers: boolean;

  /** Empty texts are nothing to look for. */
  constructor(secrets: readonly string[]) {
    for (const secret of secrets) this.#add(secret);
    this.#link();
    this.#numbers = secrets.some((secret) => /^[\d.]+$/.test(secret));
  }

  text(text: string): string {
    const { covers } = this.scan(text, 0);
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
    return new RedactedStream(this, covered);
  }

  /** `covered`: so much of its beginning is known to be secret. */
  scan(text: string, covered: number): Scan {
    const covers: Cover[] = covered > 0 ? [{ from: 0, to: covered }] : [];
    const first = this.#first;
    const whole = this.#whole;
    const characters = this.#character;
    const children = this.#child;
    let at = 0;
    for (let index = 0; index < text.length; index += 1) {
      const character = text.charCodeAt(index);
      if (at === 0) at = first[character] ?? 0;
      else if (characters[at] === character) at = children[at] ?? 0;
      else at = this.#step(at, character);
      if (at === 0) continue;
      const length = whole[at] ?? 0;
      if (length > 0) cover(covers, index + 1 - length, index + 1);
    }
    return { covers, open: text.length - this.#open(at) };
  }

  #step(from: number, character: number): number {
    for (let at = from; at !== 0; at = this.#fallback[at] ?? 0) {
      const next = this.#next(at, character);
      if (next !== 0) return next;
    }
    return this.#first[character] ?? 0;
  }

  #next(at: number, character: number): number {
    if (this.#character[at] === character) return this.#child[at] ?? 0;
    return this.#more[at]?.get(character) ?? 0;
  }

  /** The length of the longest beginning here that can still become a secret. */
  #open(from: number): number {
    let at = from;
    while (at !== 0 && this.#child[at] === 0) at = this.#fallback[at] ?? 0;
    return this.#depth[at] ?? 0;
  }

  #add(secret: string): void {
    let at = 0;
    for (let index = 0; index < secret.length; index += 1) {
      const character = secret.charCodeAt(index);
      const known = at === 0 ? (this.#first[character] ?? 0) : this.#next(at, character);
      at = known === 0 ? this.#grow(at, character) : known;
    }
    if (at !== 0) this.#whole[at] = secret.length;
  }

  #grow(parent: number, character: number): number {
    const at = this.#child.push(0) - 1;
    this.#character.push(-1);
    this.#more.push(undefined);
    this.#fallback.push(0);
    this.#whole.push(0);
    this.#depth.push((this.#depth[parent] ?? 0) + 1);
    if (parent === 0) this.#first[character] = at;
    else if (this.#child[parent] === 0) {
      this.#character[parent] = character;
      this.#child[parent] = at;
    } else (this.#more[parent] ??= new Map()).set(character, at);
    return at;
  }

  /** Level by level: the fallback of a place is found from the one of its parent. */
  #link(): void {
    let level = [...this.#depth.keys()].filter((at) => this.#depth[at] === 1);
    while (level.length > 0) {
      const below: number[] = [];
      for (const parent of level) {
        for (const [character, at] of this.#children(parent)) {
          const fallback = this.#step(this.#fallback[parent] ?? 0, character);
          this.#fallback[at] = fallback;
          this.#whole[at] = Math.max(this.#whole[at] ?? 0, this.#whole[fallback] ?? 0);
          below.push(at);
        }
      }
      level = below;
    }
  }

  #children(parent: number): (readonly [number, number])[] {
    const child = this.#child[parent] ?? 0;
    if (child === 0) return [];
    return [[this.#character[parent] ?? 0, child], ...(this.#more[parent] ?? [])];
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
  readonly #redactor: Redactor;
  #held = '';
  #covered: number;

  constructor(redactor: Redactor, covered: number) {
    this.#redactor = redactor;
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
    const { covers, open } = this.#redactor.scan(text, this.#covered);
    const end = last ? text.length : open;
    if (covers.length === 0 && end === text.length) {
      this.#held = '';
      return text;
    }
    const begun = this.#covered > 0;
    const clean = masked(text, covers, end, begun);
    const across = covers.find(({ from, to }) => end < to && (from < end || (begun && from === 0)));
    // A secret ends in the piece that is held back: its mark is there, the rest of it must not be.
    this.#covered = across === undefined ? 0 : across.to - end;
    this.#held = text.slice(end);
    return clean;
  }
}

/** Covers stand in order, and apart: one that comes may swallow those before it. */
function cover(covers: Cover[], from: number, to: number): void {
  let start = from;
  let end = to;
  for (let last = covers.at(-1); last !== undefined && last.to >= start; last = covers.at(-1)) {
    start = Math.min(start, last.from);
    end = Math.max(end, last.to);
    covers.pop();
  }
  covers.push({ from: start, to: end });
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
