/**
 * The bells of a journal in memory: what one node announces, every listener hears a moment later,
 * the one that rang included. The bell `feed` is coalesced: rung twice before it was heard, it is
 * heard once.
 */
import type { Bell } from '../bells.ts';

export class MemoryBells {
  readonly #listeners = new Set<(bell: Bell) => void>();
  #feeding = false;

  listen(hear: (bell: Bell) => void): () => void {
    // The same function twice is two listeners.
    const listener = (bell: Bell) => hear(bell);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ring(bell: Bell): void {
    if (bell.about === 'feed') {
      if (this.#feeding) return;
      this.#feeding = true;
    }
    setImmediate(() => {
      if (bell.about === 'feed') this.#feeding = false;
      for (const hear of this.#listeners) hear(bell);
    });
  }
}
