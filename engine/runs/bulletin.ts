/** Who waits for what this node writes: followers of the feed, of a run, of its logs. */
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
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(run) ?? new Set();
      this.#waiting.set(run, waiting);
      const wake = () => {
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(run) === waiting) this.#waiting.delete(run);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
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
