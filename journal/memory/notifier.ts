/**
 * The notifications of a journal in memory: what one node announces, every listener receives a
 * moment later, that of the sender included. `feed` is coalesced: sent twice before it arrived, it
 * arrives once.
 */
import type { Notification } from '../notifications.ts';

export class MemoryNotifier {
  readonly #listeners = new Set<(notification: Notification) => void>();
  #feeding = false;

  listen(receive: (notification: Notification) => void): () => void {
    // The same function twice is two listeners.
    const listener = (notification: Notification) => receive(notification);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  notify(notification: Notification): void {
    if (notification.about === 'feed') {
      if (this.#feeding) return;
      this.#feeding = true;
    }
    setImmediate(() => {
      if (notification.about === 'feed') this.#feeding = false;
      for (const receive of this.#listeners) receive(notification);
    });
  }
}
