/**
 * A node as one of several: it keeps its lease, receives the notifications, and brings runs into memory while
 * there is room: its own that are active or due, and those that lost their node.
 */
import type { Notification } from '../../journal/notifications.ts';
import type { Journal } from '../../journal/journal.ts';
import type { NodeLease } from '../../journal/ownership.ts';
import { Claims } from './claims.ts';
import type { Clock } from '../clock.ts';
import { Judgement } from './judgement.ts';
import { LeaseKeeper, type Moment } from './lease-keeper.ts';
import type { Owner } from '../runs/owner.ts';
import { Turns, Waker } from './waker.ts';

const PAGE = 1_000;
/** Small pages, so that the runs of a dead node spread over those that live. */
const CLAIMED_AT_ONCE = 200;

export interface MembershipParts {
  readonly journal: Journal;
  readonly lease: NodeLease;
  readonly leaseMs: number;
  /** When the lease was asked for. */
  readonly askedAt: Moment;
  readonly clock: Clock;
  readonly owner: Owner;
  /** Runs in memory at most, beside the children of those that are. */
  readonly mostRuns: number;
  /** Attempts of this node that run a child. */
  readonly children: () => number;
  readonly notified: (notification: Notification) => void;
  readonly renewed: () => void;
  /** So many runs of nobody, or of a node that is gone, are this node's now. */
  readonly claimed: (runs: number) => void;
  /** Somebody else has the lease. */
  readonly lost: () => void;
}

export class Membership {
  readonly #parts: MembershipParts;
  readonly #keeper: LeaseKeeper;
  /** Of this node's sleeping runs. */
  readonly #sleepers: Waker;
  readonly #claimer: Waker;
  readonly #claims: Claims;
  #unlisten: () => void = () => {};

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    const { journal, lease, leaseMs, clock, owner, mostRuns, lost, askedAt } = parts;
    // A child has a place beside its parent: else parents could hold all the room that their
    // sleeping children wait for.
    const room = () => mostRuns + parts.children() - owner.live.size;
    const turns = new Turns();
    const sleeping = {
      ask: async (now: number, limit: number) => {
        const { due, nextAt } = await journal.dueRuns(lease, now, limit);
        return { runs: due, nextAt };
      },
      take: (runs: readonly string[]) => owner.wakeAll(runs),
    };
    const orphaned = {
      ask: (now: number, limit: number) => journal.claim(lease, now, limit),
      take: (runs: readonly string[]) => {
        parts.claimed(runs.length);
        return owner.takeUp(runs);
      },
    };
    this.#sleepers = new Waker(sleeping, clock, turns, room);
    this.#claimer = new Waker(orphaned, clock, turns, () => Math.min(room(), CLAIMED_AT_ONCE));
    const renew = () => void this.#keeper.renew();
    const judgement = new Judgement(leaseMs, clock.elapsed());
    this.#claims = new Claims({ journal, lease, clock, waker: this.#claimer, judgement, renew });
    const renewed = (othersEndInMs: number | null) => {
      parts.renewed();
      judgement.renewed(clock.elapsed());
      this.#claims.othersEnd(othersEndInMs);
    };
    this.#keeper = new LeaseKeeper({ journal, lease, leaseMs, clock, lost, renewed }, askedAt);
  }

  async join(): Promise<void> {
    const { journal, notified } = this.#parts;
    this.#keeper.start();
    this.#unlisten = journal.listen((notification) => {
      this.#claims.notified(notification);
      notified(notification);
    });
    await this.#takeUp();
    this.#sleepers.look();
    await this.#claims.lookAround();
    await this.#keeper.renew();
  }

  /** Brings the active runs into memory; from there the plan is what it was before. */
  async #takeUp(): Promise<void> {
    const { journal, lease, owner } = this.#parts;
    for (let after: string | null = null; ; ) {
      const ids: readonly string[] = await journal.activeRuns(lease, after, PAGE);
      this.#sleepers.remember(await owner.takeUp(ids));
      after = ids.at(-1) ?? null;
      if (ids.length < PAGE) return;
    }
  }

  /** These are this node's and active, and could not be brought into memory yet. */
  remember(runs: readonly string[]): void {
    this.#sleepers.remember(runs);
  }

  /** A run left memory, and sleeps until then. */
  slept(wakeAt: number): void {
    this.#sleepers.expect(wakeAt);
    this.#sleepers.roomier();
    this.#claimer.roomier();
  }

  /** Whether nobody can have taken this node's runs over, whatever it slept through. */
  mayLeave(): true | Promise<boolean> {
    return this.#keeper.isSure ? true : this.#keeper.sure();
  }

  /** Calls back when runs may have changed hands; the result takes it back. */
  onNews(wake: () => void): () => void {
    return this.#claims.onNews(wake);
  }

  /** From now on no run is brought into memory; the lease is kept, and notifications still arrive. */
  rest(): void {
    this.#sleepers.stop();
    this.#claimer.stop();
    this.#claims.stop();
  }

  leave(): void {
    this.rest();
    this.#keeper.stop();
    this.#unlisten();
  }
}
