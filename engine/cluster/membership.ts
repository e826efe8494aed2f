/**
 * A node as one of several: it keeps its lease, hears the notifications of its peers, and brings its
 * own runs that are active or due into memory while there is capacity. Whose runs it takes over
 * beside them is `claims.ts`.
 */
import type { Journal } from '../../journal/journal.ts';
import type { Notification } from '../../journal/notifications.ts';
import type { Clock } from '../clock.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import type { RunGate } from '../runs/run-gate.ts';
import type { RunMemory } from '../runs/run-memory.ts';
import { Claims } from './claims.ts';
import { Judgement } from './judgement.ts';
import { LeaseKeeper, type LeaseListener, type Moment } from './lease-keeper.ts';
import { type RunSource, Turns, Waker } from './waker.ts';

const PAGE = 1_000;

interface ClusterListener {
  notified(notification: Notification): void;
  /** Another process has the lease. */
  lost(): void;
}

interface MembershipParts {
  readonly journal: Journal;
  readonly identity: NodeIdentity;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly gate: RunGate;
  readonly memory: RunMemory;
  /** Runs in memory at most, beside the children of those that are. */
  readonly mostRuns: number;
  /** Attempts of this node that run a child. */
  readonly childAttempts: () => number;
  readonly listener: ClusterListener;
  readonly observer: Observer | undefined;
}

export class Membership implements LeaseListener {
  readonly #parts: MembershipParts;
  readonly #keeper: LeaseKeeper;
  /** Of this node's sleeping runs. */
  readonly #sleepers: Waker;
  readonly #claims: Claims;
  readonly #judgement: Judgement;
  #unlisten: () => void = () => {};

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    const { journal, identity, leaseMs, clock, memory, observer } = parts;
    const turns = new Turns();
    const capacity = (): number => this.#capacity();
    this.#sleepers = new Waker({
      source: sleepingRuns(parts),
      clock,
      turns,
      capacity,
      observer,
    });
    this.#judgement = new Judgement(leaseMs);
    this.#keeper = new LeaseKeeper({ journal, identity, leaseMs, clock, listener: this, observer });
    this.#claims = new Claims({
      journal,
      identity,
      clock,
      memory,
      turns,
      capacity,
      judgement: this.#judgement,
      observer,
      renew: () => void this.#keeper.renew(),
    });
  }

  /**
   * Of memory, for more runs. A child is counted beside its parent: else parents could hold all the
   * capacity that their sleeping children wait for.
   */
  #capacity(): number {
    const { mostRuns, childAttempts, memory } = this.#parts;
    return mostRuns + childAttempts() - memory.live.size;
  }

  /** The node is registered. `askedAt`: when its lease was asked for. */
  async join(askedAt: Moment): Promise<void> {
    const { journal, listener, clock } = this.#parts;
    this.#judgement.registered(clock.elapsed());
    this.#keeper.registered(askedAt);
    this.#unlisten = journal.listen((notification) => {
      this.#claims.notified(notification);
      listener.notified(notification);
    });
    await this.#loadActive();
    this.#sleepers.check();
    await this.#claims.checkAll();
    await this.#keeper.renew();
  }

  /** Brings the active runs into memory; from there the plan is what it was before. */
  async #loadActive(): Promise<void> {
    const { journal, identity, memory } = this.#parts;
    for (let after: string | null = null; ; ) {
      const ids: readonly string[] = await journal.activeRuns(identity.lease, after, PAGE);
      this.postpone(await memory.loadAll(ids));
      after = ids.at(-1) ?? null;
      if (ids.length < PAGE) return;
    }
  }

  /** These are this node's and active, and could not be loaded yet. */
  postpone(runs: readonly string[]): void {
    this.#sleepers.postpone(runs);
  }

  /** A run left memory, and sleeps until then. */
  unloaded(wakeAt: number): void {
    this.#sleepers.expect(wakeAt);
    this.#sleepers.capacityFreed();
    this.#claims.capacityFreed();
  }

  /** Whether no other node can have taken this node's runs over, however long it stood still. */
  mayLeave(): true | Promise<boolean> {
    return this.#keeper.isSure ? true : this.#keeper.untilSure();
  }

  /** Calls back when runs may have changed hands; the result takes it back. */
  onOwnersChanged(wake: () => void): () => void {
    return this.#claims.onOwnersChanged(wake);
  }

  renewed(othersEndInMs: number | null): void {
    this.#parts.observer?.leaseRenewed();
    this.#judgement.renewed(this.#parts.clock.elapsed());
    this.#claims.othersEndIn(othersEndInMs);
  }

  lost(): void {
    this.#parts.listener.lost();
  }

  /** From now on no run is brought into memory; the lease is kept, and notifications arrive. */
  rest(): void {
    this.#sleepers.stop();
    this.#claims.stop();
  }

  leave(): void {
    this.rest();
    this.#keeper.stop();
    this.#unlisten();
  }
}

function sleepingRuns({ journal, identity, gate }: MembershipParts): RunSource {
  return {
    due: async (now, limit) => {
      const { due, nextAt } = await journal.dueRuns(identity.lease, now, limit);
      return { runs: due, nextAt };
    },
    load: (runs) => gate.wakeAll(runs),
  };
}
