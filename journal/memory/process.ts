/** What each process has of its own, however many share a journal in memory. */
import { TuttiError } from '../../model/errors.ts';
import type { Journal } from '../journal.ts';
import type { Notification } from '../notifications.ts';
import type { NodeLease } from '../ownership.ts';
import { depart, register } from './ownership.ts';
import type { MemoryStore } from './store.ts';

export class OwnProcess implements Pick<Journal, 'register' | 'listen' | 'close'> {
  readonly #store: MemoryStore;
  readonly #registering: () => void;
  readonly #leave: (() => void)[] = [];
  #closed = false;

  /** `registering`: called with each register. */
  constructor(store: MemoryStore, registering: () => void) {
    this.#store = store;
    this.#registering = registering;
  }

  async register(name: string, leaseMs: number, url: string | null): Promise<NodeLease> {
    this.#registering();
    if (this.#closed) throw new TuttiError('node.stopping');
    return register(this.#store, this, { name, leaseMs, url });
  }

  listen(receive: (notification: Notification) => void): () => void {
    const leave = this.#store.notifier.listen(receive);
    // From here on it misses nothing.
    if (this.#leave.length === 0) setImmediate(() => receive({ about: 'resync' }));
    this.#leave.push(leave);
    return leave;
  }

  async close(): Promise<void> {
    this.#closed = true;
    depart(this.#store, this);
    for (const leave of this.#leave.splice(0)) leave();
  }
}

/** What a test closes and opens: a caller that awaits `passed` waits while it is closed. */
export class AppendGate {
  passed: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  close(): void {
    this.passed = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }
}
