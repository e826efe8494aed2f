/**
 * Looks for many patterns in one pass (Aho and Corasick, 1975): a tree of their beginnings, in which
 * each place knows the longest other beginning that ends there too. So the time does not depend on
 * how many patterns there are, and the place says how much of the end may be the beginning of one.
 *
 * Patterns are whole numbers below 65,536. Places are numbers too; 0 is where nothing has begun.
 */
export class Automaton {
  /** The tree's first level by symbol; the rest by its only child, or by a map. */
  readonly #first = new Int32Array(0x10000);
  readonly #symbol: number[] = [-1];
  readonly #child: number[] = [0];
  readonly #more: (Map<number, number> | undefined)[] = [undefined];
  readonly #depth: number[] = [0];
  /** The place of the longest other beginning that ends here. */
  readonly #fallback: number[] = [0];
  /** The length of the longest pattern that ends here. */
  readonly #whole: number[] = [0];

  /** Empty patterns are nothing to look for. */
  constructor(patterns: Iterable<readonly number[]>) {
    for (const pattern of patterns) this.#add(pattern);
    this.#link();
  }

  /** Where one is after one more symbol. */
  step(from: number, symbol: number): number {
    for (let at = from; at !== 0; at = this.#fallback[at] ?? 0) {
      const next = this.#next(at, symbol);
      if (next !== 0) return next;
    }
    return this.#first[symbol] ?? 0;
  }

  /** The length of the longest pattern that ends here; 0: none does. */
  whole(at: number): number {
    return this.#whole[at] ?? 0;
  }

  /** The length of what has begun here. */
  depth(at: number): number {
    return this.#depth[at] ?? 0;
  }

  /** The length of the longest beginning here that can still become a pattern. */
  open(from: number): number {
    let at = from;
    while (at !== 0 && this.#child[at] === 0) at = this.#fallback[at] ?? 0;
    return this.#depth[at] ?? 0;
  }

  #next(at: number, symbol: number): number {
    if (this.#symbol[at] === symbol) return this.#child[at] ?? 0;
    return this.#more[at]?.get(symbol) ?? 0;
  }

  #add(pattern: readonly number[]): void {
    let at = 0;
    for (const symbol of pattern) {
      const known = at === 0 ? (this.#first[symbol] ?? 0) : this.#next(at, symbol);
      at = known === 0 ? this.#grow(at, symbol) : known;
    }
    if (at !== 0) this.#whole[at] = pattern.length;
  }

  #grow(parent: number, symbol: number): number {
    const at = this.#child.push(0) - 1;
    this.#symbol.push(-1);
    this.#more.push(undefined);
    this.#fallback.push(0);
    this.#whole.push(0);
    this.#depth.push((this.#depth[parent] ?? 0) + 1);
    if (parent === 0) this.#first[symbol] = at;
    else if (this.#child[parent] === 0) {
      this.#symbol[parent] = symbol;
      this.#child[parent] = at;
    } else {
      const more = this.#more[parent] ?? new Map<number, number>();
      this.#more[parent] = more.set(symbol, at);
    }
    return at;
  }

  /** Level by level: the fallback of a place is found from the one of its parent. */
  #link(): void {
    let level = [...this.#depth.keys()].filter((at) => this.#depth[at] === 1);
    while (level.length > 0) {
      const below: number[] = [];
      for (const parent of level) {
        for (const [symbol, at] of this.#children(parent)) {
          const fallback = this.step(this.#fallback[parent] ?? 0, symbol);
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
    return [[this.#symbol[parent] ?? 0, child], ...(this.#more[parent] ?? [])];
  }
}
