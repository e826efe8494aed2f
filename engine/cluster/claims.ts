/**
 * How a node comes by the runs of others: it takes up what nobody owns, and what belongs to nodes
 * that are gone. A living node's run is never touched.
 *
 *   a lease ends ── timer ──→ fence, if this node may judge (`judgement.ts`): the node is fenced, and
 *                                │ from then on it is gone
 *                                │ notification `orphans` (a node that stops sends it itself)
 *                                ▼
 *   a start that found no room ── notification `due` ──→ claim in pages, while there is room
 *   a sleeping run without an owner is due ── timer ──┘
 *
 * Notifications reach all living nodes at once, so the load spreads. Nothing is swept: when leases
 * end is learned from the renewal of one's own.
 */
import type { Notification } from '../../journal/notifications.ts';
import type { Journal } from '../../journal/journal.ts';
import type { NodeLease } from '../../journal/ownership.ts';
import type { Clock } from '../clock.ts';
import type { Judgement } from './judgement.ts';
import type { Waker } from './waker.ts';

/** After the lease's end by the database's clock: a moment, so that it has ended for sure. */
const AFTER_END_MS = 20;

export interface ClaimsParts {
  readonly journal: Journal;
  readonly lease: NodeLease;
  readonly clock: Clock;
  readonly waker: Waker;
  readonly judgement: Judgement;
  /** Renews the own lease out of turn, to learn when the next lease ends. */
  readonly renew: () => void;
}

export class Claims {
  readonly #parts: ClaimsParts;
  /** Each is called once and taken back by who waits. */
  readonly #waiting = new Set<() => void>();
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
  }

  /** Looks at everything: at the start, and when notifications may have been missed. */
  async lookAround(): Promise<void> {
    await this.#fenceExpired();
    this.#parts.waker.look();
    this.#tell();
  }

  notified(notification: Notification): void {
    if (this.#stopped) return;
    if (notification.about === 'orphans' || notification.about === 'due') this.#parts.waker.look();
    if (notification.about === 'orphans') this.#tell();
    if (notification.about === 'resync') void this.lookAround();
  }

  /** The first lease of another node ends in so many milliseconds, unless it is renewed. */
  othersEnd(inMs: number | null): void {
    this.#cancel();
    if (inMs === null || this.#stopped) return;
    const { clock, judgement } = this.#parts;
    const waitMs = Math.max(inMs, judgement.inMs(clock.elapsed()));
    this.#cancel = clock.after(waitMs + AFTER_END_MS, () => {
      void this.#fenceExpired().then(() => this.#parts.renew());
    });
  }

  /** Calls back when runs may have changed hands; the result takes it back. */
  onNews(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#tell();
  }

  async #fenceExpired(): Promise<void> {
    const { journal, lease, waker, judgement, clock } = this.#parts;
    // The next renewal says when it may.
    if (judgement.inMs(clock.elapsed()) > 0) return;
    // A database that cannot be reached has fenced no node: the next renewal names the time again.
    const fenced = await journal.fenceExpired(lease).catch(() => 0);
    if (fenced === 0 || this.#stopped) return;
    waker.look();
    this.#tell();
  }

  #tell(): void {
    for (const wake of this.#waiting) wake();
  }
}
