/**
 * Where texts that must not be seen stand in a text, however it was cut, and however their characters
 * are escaped (`escapes.ts`).
 *
 * All are looked for in one pass. Their beginnings form a tree. A state is the set of places in it
 * that the end of a text can have led to; what follows a state on a character is found once and kept
 * (a lazy deterministic automaton with tags, Laurikari 2000), so the time does not depend on how many
 * secrets and spellings there are. The tag of a place is where in the text its secret began. The
 * first of them says how much of the end may be the beginning of a secret.
 */
import { type Spellings, spellingsOf } from './escapes.ts';

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

/** One place in the tree: so much of a secret has been read, and of the next character's spelling. */
interface Place {
  readonly number: number;
  /** The last one that was read. */
  readonly character: string;
  readonly next: Place[];
  /** What has been read of the next character's spelling. */
  readonly begun: string;
  /** The text may be broken into lines before what follows. */
  readonly wraps: boolean;
  /** A secret ends here. */
  ends: boolean;
  /** By UTF-16 unit, as far as it was asked for: where one may be after it. */
  follows: Map<number, readonly Place[]> | undefined;
}

interface State {
  readonly places: readonly Place[];
  /** By UTF-16 unit, as far as it was asked for. */
  readonly follows: Map<number, Step>;
}

/** From one state to the next. */
interface Step {
  readonly state: State;
  /** For each place of that state: a place of this one, by index, that leads to it. */
  readonly sources: Int32Array;
  /** Of a place that several lead to: the others. */
  readonly others: readonly { readonly to: number; readonly source: number }[];
  /** The places of this one, by index, whose secret ends with the step. */
  readonly ends: readonly number[];
}

/** As a source: the secret begins with this very step. */
const HERE = -1;
/** So many places are kept in states; then all states are found again. */
const MOST_PLACES = 200_000;

export class Occurrences {
  readonly #roots: readonly Place[];
  readonly #nothing: State = { places: [], follows: new Map() };
  /** By the numbers of their places. */
  readonly #states = new Map<string, State>();
  /** Of each UTF-16 unit: 1 where the spelling of a secret begins with it. */
  readonly #begins = new Uint8Array(0x10000);
  readonly #spellings = new Map<string, Spellings>();
  #kept = 0;
  #places = 0;
  /** The tags of a state and of the next one, by the index of their places. */
  #starts = new Int32Array(64);
  #spare = new Int32Array(64);

  /** `wrapped`: texts that may be printed in several lines, such as base64. Empty ones are nothing to look for. */
  constructor(texts: readonly string[], wrapped: readonly string[] = []) {
    this.#roots = [this.#treeOf(texts, false), this.#treeOf(wrapped, true)];
    for (const { next } of this.#roots) {
      for (const { character } of next) {
        const { plain, escaped } = this.#spelt(character, false);
        for (const each of [...plain, ...escaped]) this.#begins[each.charCodeAt(0)] = 1;
      }
    }
  }

  /** `covered`: so much of its beginning is known to be secret. */
  scan(text: string, covered: number): Scan {
    const covers: Cover[] = covered > 0 ? [{ from: 0, to: covered }] : [];
    const begins = this.#begins;
    const nothing = this.#nothing;
    let state = nothing;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (state === nothing && begins[unit] === 0) continue;
      const step = state.follows.get(unit) ?? this.#step(state, unit);
      if (step.ends.length > 0) cover(covers, this.#first(step.ends, index), index + 1);
      this.#carry(step, index);
      state = step.state;
    }
    return { covers, open: this.#first(state.places.keys(), text.length) };
  }

  /** Where the first of these places began. */
  #first(sources: Iterable<number>, index: number): number {
    let first = index;
    for (const source of sources) first = Math.min(first, this.#start(source, index));
    return first;
  }

  #start(source: number, index: number): number {
    return source === HERE ? index : (this.#starts[source] ?? index);
  }

  /** The tags go with their places. */
  #carry({ sources, others }: Step, index: number): void {
    const next = this.#spare;
    for (let to = 0; to < sources.length; to += 1)
      next[to] = this.#start(sources[to] ?? HERE, index);
    for (const { to, source } of others)
      next[to] = Math.min(next[to] ?? index, this.#start(source, index));
    this.#spare = this.#starts;
    this.#starts = next;
  }

  #step(state: State, unit: number): Step {
    const places = new Map<Place, number>();
    const sources: number[] = [];
    const others: { to: number; source: number }[] = [];
    const ends: number[] = [];
    const from = (place: Place, source: number) => {
      for (const next of this.#after(place, unit)) {
        if (next.ends) ends.push(source);
        if (next.next.length === 0) continue;
        const to = places.get(next);
        if (to !== undefined) others.push({ to, source });
        else places.set(next, sources.push(source) - 1);
      }
    };
    for (const [index, place] of state.places.entries()) from(place, index);
    for (const root of this.#roots) from(root, HERE);
    const next = this.#stateOf([...places.keys()]);
    const step = { state: next, sources: Int32Array.from(sources), others, ends };
    state.follows.set(unit, step);
    return step;
  }

  /** One may have ended the spelling of a character, and be within that of another. */
  #after(place: Place, unit: number): readonly Place[] {
    place.follows ??= new Map();
    let known = place.follows.get(unit);
    if (known === undefined) {
      known = this.#findAfter(place, String.fromCharCode(unit));
      place.follows.set(unit, known);
    }
    return known;
  }

  #findAfter(place: Place, unit: string): Place[] {
    const read = place.begun + unit;
    const lower = read.toLowerCase();
    const found: Place[] = [];
    let isBegun = false;
    for (const next of place.next) {
      const { plain, escaped } = this.#spelt(next.character, place.wraps);
      if (plain.includes(read) || escaped.includes(lower)) found.push(next);
      isBegun ||=
        plain.some((each) => each.length > read.length && each.startsWith(read)) ||
        escaped.some((each) => each.length > lower.length && each.startsWith(lower));
    }
    if (isBegun) found.push(this.#grow({ ...place, begun: read }));
    return found;
  }

  #stateOf(places: readonly Place[]): State {
    if (places.length === 0) return this.#nothing;
    const name = places.map(({ number }) => number).join(' ');
    const known = this.#states.get(name);
    if (known !== undefined) return known;
    if (this.#kept > MOST_PLACES) this.#forget();
    const state = { places, follows: new Map<number, Step>() };
    this.#states.set(name, state);
    this.#kept += places.length;
    if (places.length > this.#spare.length) this.#widen(places.length);
    return state;
  }

  #forget(): void {
    for (const { follows } of [this.#nothing, ...this.#states.values()]) follows.clear();
    this.#states.clear();
    this.#kept = 0;
  }

  #widen(places: number): void {
    const wider = new Int32Array(places * 2);
    wider.set(this.#starts);
    this.#starts = wider;
    this.#spare = new Int32Array(wider.length);
  }

  #spelt(character: string, wrapped: boolean): Spellings {
    const key = wrapped ? `${character}\n` : character;
    let known = this.#spellings.get(key);
    if (known === undefined) {
      known = spellingsOf(character, wrapped);
      this.#spellings.set(key, known);
    }
    return known;
  }

  #treeOf(texts: readonly string[], wraps: boolean): Place {
    const root = this.#grow({ character: '', begun: '', wraps: false, next: [] });
    for (const text of texts) {
      let at = root;
      for (const character of text) {
        const known = at.next.find((each) => each.character === character);
        const next = known ?? this.#grow({ character, begun: '', wraps, next: [] });
        if (known === undefined) at.next.push(next);
        at = next;
      }
      at.ends = at !== root;
    }
    return root;
  }

  #grow(place: Pick<Place, 'character' | 'next' | 'begun' | 'wraps'>): Place {
    const { character, next, begun, wraps } = place;
    this.#places += 1;
    return { number: this.#places, character, next, begun, wraps, ends: false, follows: undefined };
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
