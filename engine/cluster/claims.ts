/**
 * Claims: whose runs a node takes over. Those of nodes that are gone, which are fenced first, and
 * those that have no owner. A live node's run is never touched.
 *
 *   a lease ends ── timer ──→ fence, if this node may judge (`judgement.ts`): the node is fenced, and
 *                                │ from then on it is gone
 *                                │ notification `orphans` (a node that stops sends it itself)
 *                                ▼
 *   a start for which memory was full ── notification `due` ──→ claim in pages, while there is capacity
 *   a sleeping run without an owner is due ── timer ──┘
 *
 * Notifications reach all live nodes at once, so the load spreads. Nothing is swept: when leases
 * end is learned from the renewal of one's own.
 */
import type { Journal } from '../../journal/journal.ts';
import type { Notification } from '../../journal/notifications.ts';
import type { Clock } from '../clock.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import type { RunMemory } from '../runs/run-memory.ts';
import type { Judgement } from './judgement.ts';
import { type RunSource, type Turns, Waker } from './waker.ts';

/** After the lease's end by the database's clock: a moment, so that it has ended for sure. */
const AFTER_END_MS = 20;
/** Small pages, so that the runs of a dead node spread over those that live. */
const CLAIMED_AT_ONCE = 200;

interface ClaimsParts {
  readonly journal: Pick<Journal, 'fenceExpired' | 'claim'>;
  readonly identity: NodeIdentity;
  readonly clock: Clock;
  readonly memory: Pick<RunMemory, 'loadAll'>;
  /** Shared with the waker of the node's own runs. */
  readonly turns: Turns;
  /** How many more runs memory can hold. */
  readonly capacity: () => number;
  readonly judgement: Judgement;
  readonly observer: Observer | undefined;
  /** Renews the own lease out of turn, to learn when the next lease ends. */
  readonly renew: () => void;
}

export class Claims {
  readonly #parts: ClaimsParts;
  readonly #claimer: Waker;
  /** Each is called when runs may have changed hands, until its caller takes it back. */
  readonly #waiting = new Set<() => void>();
  #cancelTimer: () => void = () => {};
  #stopped = false;

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
    const { clock, turns, capacity, observer } = parts;
    this.#claimer = new Waker({
      source: runsWithoutOwner(parts),
      clock,
      turns,
      capacity: () => Math.min(capacity(), CLAIMED_AT_ONCE),
      observer,
    });
  }

  /** Everything, at the start and when notifications may have been missed. */
  async checkAll(): Promise<void> {
    await this.#fenceExpired();
    this.#claimer.check();
    this.#announce();
  }

  notified(notification: Notification): void {
    if (this.#stopped) return;
    if (notification.about === 'orphans' || notification.about === 'due') this.#claimer.check();
    if (notification.about === 'orphans') this.#announce();
    if (notification.about === 'resync') void this.checkAll();
  }

  /** The first lease of another node ends in so many milliseconds, unless it is renewed. */
  othersEndIn(ms: number | null): void {
    this.#cancelTimer();
    if (ms === null || this.#stopped) return;
    const { clock, judgement } = this.#parts;
    const waitMs = Math.max(ms, judgement.inMs(clock.elapsed()));
    this.#cancelTimer = clock.after(waitMs + AFTER_END_MS, () => {
      void this.#fenceExpired().then(() => this.#parts.renew());
    });
  }

  /** A run left memory. */
  capacityFreed(): void {
    this.#claimer.capacityFreed();
  }

  /** Calls back when runs may have changed hands; the result takes it back. */
  onOwnersChanged(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }

  stop(): void {
    this.#stopped = true;
    this.#claimer.stop();
    this.#cancelTimer();
    this.#announce();
  }

  async #fenceExpired(): Promise<void> {
    const { journal, identity, judgement, clock, observer } = this.#parts;
    // The next renewal says when it may.
    if (judgement.inMs(clock.elapsed()) > 0) return;
    let nodes: number;
    try {
      nodes = await journal.fenceExpired(identity.lease);
    } catch (error) {
      // It has fenced no node: the next renewal names the time again.
      if (!this.#stopped) observer?.troubled('fencing nodes whose lease has ended', error);
      return;
    }
    if (nodes === 0) return;
    observer?.noted({ is: 'fenced', nodes });
    if (this.#stopped) return;
    this.#claimer.check();
    this.#announce();
  }

  #announce(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** Runs of no living node: what is claimed is this node's, and comes into its memory. */
function runsWithoutOwner({ journal, identity, memory, observer }: ClaimsParts): RunSource {
  return {
    due: async (now, limit) => {
      const found = await journal.claim(identity.lease, now, limit);
      if (found.runs.length > 0) observer?.noted({ is: 'claimed', runs: found.runs.length });
      return found;
    },
    load: (runs) => memory.loadAll(runs),
  };
}
