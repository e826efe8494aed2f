/**
 * Counts in plain numbers. prom-client looks up labels by their hash at each observation, which
 * costs more than the engine spends on a task; so the engine's facts are added up here, and only
 * a scrape turns them into samples.
 */

/** A histogram of one series: how many values fell below each bound, and their sum. */
export class Tally {
  readonly #bounds: readonly number[];
  /** One more than bounds: the last one is for what is above them all. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at += 1;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += value;
  }

  get sum(): number {
    return this.#sum;
  }

  get isEmpty(): boolean {
    return this.#counts.every((value) => value === 0);
  }

  /** Bounds with how many values were not above them; `+Inf` is last and has all. */
  cumulative(): readonly (readonly [bound: number | '+Inf', count: number])[] {
    let below = 0;
    return [...this.#bounds, '+Inf' as const].map((bound, at) => {
      below += this.#counts[at] ?? 0;
      return [bound, below];
    });
  }
}

/** Counts by a word out of a small set: an end, a class. */
export type CountsByWord = Map<string, number>;

export function count(counts: CountsByWord, word: string): void {
  counts.set(word, (counts.get(word) ?? 0) + 1);
}

/**
 * What is counted by a name. Names beyond the most are counted together, so that an
 * operator who deploys a workflow per day does not fill the memory of the server that scrapes.
 */
export class Bounded<T> {
  readonly #most: number;
  readonly #make: () => T;
  readonly #known = new Map<string, T>();

  constructor(most: number, make: () => T) {
    this.#most = most;
    this.#make = make;
  }

  of(name: string): T {
    const label = this.label(name);
    const known = this.#known.get(label);
    if (known !== undefined) return known;
    const made = this.#make();
    this.#known.set(label, made);
    return made;
  }

  label(name: string): string {
    return this.#known.has(name) || this.#known.size < this.#most ? name : OTHER;
  }

  entries(): IterableIterator<[string, T]> {
    return this.#known.entries();
  }
}

/** No workflow can be called so: names begin with a letter or digit. */
export const OTHER = '_other';
