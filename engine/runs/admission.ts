/**
 * Admission of new runs: what has begun goes first.
 *
 * Ten thousand starts at once would otherwise stand in memory side by side, each step of each
 * touching memory that the others have pushed out of the processor's caches, every object old by
 * the time it is garbage. So starts wait at the door, in order, while the journal is busy with runs
 * that are under way; they cost one promise there. Throughput is the same for all, and more of it.
 */
import { Fifo } from '../fifo.ts';

/** New runs begin while fewer events than this are on their way to the journal. */
const BUSY = 2_000;
/** However busy it is, a few begin with each batch: one enormous run keeps no other out for long. */
const ALWAYS = 16;

export class Admission {
  readonly #waiting = new Fifo<() => void>();
  readonly #unwritten: () => number;
  /** Let in, and not durable yet. */
  #entering = 0;

  constructor(unwritten: () => number) {
    this.#unwritten = unwritten;
  }

  /** Lets one start in when it is its turn. */
  async through<T>(start: () => Promise<T>): Promise<T> {
    if (this.#waiting.size === 0 && this.#isQuiet()) this.#entering += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await start();
    } finally {
      this.#entering -= 1;
      this.#letIn(0);
    }
  }

  /** A batch has been written. */
  batchWritten(): void {
    this.#letIn(ALWAYS);
  }

  /** Nothing is written any more: whoever waits finds the door closed. */
  close(): void {
    this.#letIn(Infinity);
  }

  #isQuiet(): boolean {
    return this.#unwritten() + this.#entering < BUSY;
  }

  #letIn(always: number): void {
    for (let done = 0; this.#waiting.size > 0 && (done < always || this.#isQuiet()); done++) {
      this.#entering += 1;
      this.#waiting.shift()?.();
    }
  }
}
