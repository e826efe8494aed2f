/** Who waits for what this node writes: followers of the feed, of a run, of its logs. */
import { waitFor } from '../../model/wait-for.ts';

export class Bulletin {
  readonly #listeners = new Set<() => void>();
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Calls back after every commit of this node. The result ends it. */
  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when something of the run is written by this node, or when the signal aborts. */
  written(run: string, signal: AbortSignal): Promise<void> {
    return waitFor(signal, (wake) => {
      const waiting = this.#waiting.get(run) ?? new Set();
      this.#waiting.set(run, waiting.add(wake));
      return () => {
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(run) === waiting) this.#waiting.delete(run);
      };
    });
  }

  /** Events of the run are durable. */
  committed(run: string): void {
    for (const listener of this.#listeners) listener();
    this.wrote(run);
  }

  /** Events or logs of the run are durable. */
  wrote(run: string): void {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting.get(run);
    if (waiting === undefined) return;
    for (const wake of waiting) wake();
  }
}
