/**
 * The one queue of the simulated world: everything that is on its way, by the time at which it
 * arrives. One step takes the next of them and delivers it. What arrives at the same time arrives
 * in an order that the seed draws.
 *
 * Whoever something is on its way to is its party: to a dead one nothing is delivered, and what
 * comes to one that hangs waits until it goes on.
 */
import type { Chance } from '../chaos/chance.ts';

export interface Party {
  readonly alive: boolean;
  /** In the world's time; nothing is delivered before. */
  readonly hangsUntil: number;
}

export interface Delivery {
  readonly at: number;
  readonly what: string;
  deliver(): void;
}

interface Waiting extends Delivery {
  at: number;
  readonly tie: number;
  readonly party: Party | null;
  taken: boolean;
}

export class Schedule {
  /** The world's time, milliseconds; it is the database's clock, too. */
  now: number;
  readonly #heap: Waiting[] = [];
  readonly #chance: Chance;

  constructor(now: number, chance: Chance) {
    this.now = now;
    this.#chance = chance;
  }

  /** Nobody waits for anything. */
  get isEmpty(): boolean {
    return this.#heap.every(({ taken, party }) => taken || party?.alive === false);
  }

  /** `party`: null for what reaches the world itself. The result takes it back. */
  after(ms: number, party: Party | null, what: string, deliver: () => void): () => void {
    const waiting = { at: this.now + ms, tie: this.#chance.next(), party, what, deliver };
    const entry: Waiting = { ...waiting, taken: false };
    this.#push(entry);
    return () => {
      entry.taken = true;
    };
  }

  /** The next that somebody is there to take, with the time moved to it. */
  next(): Delivery | undefined {
    for (let first = this.#pop(); first !== undefined; first = this.#pop()) {
      const { party } = first;
      if (first.taken || party?.alive === false) continue;
      if (party !== null && party.hangsUntil > first.at) {
        first.at = party.hangsUntil;
        this.#push(first);
        continue;
      }
      first.taken = true;
      this.now = Math.max(this.now, first.at);
      return first;
    }
    return undefined;
  }

  #push(entry: Waiting): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!isBefore(entry, heap[up] as Waiting)) break;
      heap[at] = heap[up] as Waiting;
      at = up;
    }
    heap[at] = entry;
  }

  #pop(): Waiting | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      const right = down + 1;
      if (right < heap.length && isBefore(heap[right] as Waiting, heap[down] as Waiting))
        down = right;
      if (!isBefore(heap[down] as Waiting, last)) break;
      heap[at] = heap[down] as Waiting;
      at = down;
    }
    heap[at] = last;
    return top;
  }
}

function isBefore(one: Waiting, other: Waiting): boolean {
  return one.at < other.at || (one.at === other.at && one.tie < other.tie);
}

/**
 * Resolves when every promise that could go on has gone on: Node takes the queue of ticks only
 * when the microtasks have run dry. Ten times as fast as a turn of the event loop.
 */
export function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Calls back instead of waiting: whoever is part of the world waits for nothing but a step. */
export async function whenDone<T>(
  promise: Promise<T> | undefined,
  heard: (value: T) => void,
  failed?: (error: unknown) => void,
): Promise<void> {
  if (promise === undefined) return;
  let value: T;
  try {
    value = await promise;
  } catch (error) {
    if (failed === undefined) throw error;
    failed(error);
    return;
  }
  heard(value);
}
