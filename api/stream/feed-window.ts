/**
 * The newest events of the feed, in memory, bounded in number and in size. Items are numbered from
 * the window's beginning on and keep their numbers, so that a reader knows its place by a number.
 */
import type { FeedPosition } from '../../journal/feed.ts';
import type { Item } from './feed-reader.ts';

const MOST_ITEMS = 4_000;
const MOST_BYTES = 16 * 1024 * 1024;

export class FeedWindow {
  #items: Item[] = [];
  #bytes = 0;
  /** How many items have left the window, or stood before it. */
  #first = 0;
  /** By position: the number of the item after it. */
  readonly #numbers = new Map<FeedPosition, number>();

  /** Of all items that ever stood in it: changes with every item. */
  get count(): number {
    return this.#first + this.#items.length;
  }

  /** The number of the item that follows this position; undefined when that is not known here. */
  numberAfter(position: FeedPosition): number | undefined {
    return this.#numbers.get(position);
  }

  /** Items from this number on; null when they have left the window. */
  from(number: number, limit: number): readonly Item[] | null {
    if (number < this.#first) return null;
    return this.#items.slice(number - this.#first, number - this.#first + limit);
  }

  add(items: readonly Item[]): void {
    for (const item of items) {
      this.#items.push(item);
      this.#bytes += item.text.length;
      this.#numbers.set(item.position, this.count);
    }
    this.#shorten();
  }

  clear(): void {
    this.#first += this.#items.length;
    this.#items = [];
    this.#bytes = 0;
    this.#numbers.clear();
  }

  #shorten(): void {
    let leaving = 0;
    while (
      this.#items.length - leaving > MOST_ITEMS ||
      (this.#bytes > MOST_BYTES && leaving < this.#items.length - 1)
    ) {
      const item = this.#items[leaving];
      if (item === undefined) break;
      this.#bytes -= item.text.length;
      this.#numbers.delete(item.position);
      leaving += 1;
    }
    this.#items.splice(0, leaving);
    this.#first += leaving;
  }
}
