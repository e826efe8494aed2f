/**
 * Slots of pools (law 9): a slot is a lease of an attempt, a row that its end gives back; what is
 * used is the sum of the rows, whichever node they belong to. There is no counter to leak.
 *
 *   wait ──► [ asked for in order, many at once, one question at a time ] ──► granted ──► leave
 *                 ▲                                                             │
 *                 └── slots were given back: here, or elsewhere (the notification `slots`) ◄┘
 */
import type { PoolState, SlotKey, Slots } from '../../journal/slots.ts';
import { grant } from '../../kernel/slots.ts';
import { Coalesced } from '../../model/coalesced.ts';
import { poolName } from '../../model/pool.ts';
import type { Gate } from '../../model/run.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Attempt, LiveRun } from '../runs/live-run.ts';
import type { Observer, PoolReading } from '../observer.ts';

/** Of those who want the same pools, so many are asked for at once. */
const AT_ONCE = 50;

interface PoolsParts {
  readonly slots: Slots;
  readonly identity: NodeIdentity;
  /** The slots are the attempt's until it leaves. */
  readonly granted: (attempt: Attempt) => void;
  readonly observer?: Observer | undefined;
}

export class Pools {
  readonly #parts: PoolsParts;
  /** By what they want: each group is served in order, and holds no other group up. */
  readonly #waiting = new Map<string, Set<Attempt>>();
  readonly #held = new Set<Attempt>();
  /** As the last question found them. */
  readonly #states = new Map<string, PoolState>();
  #capacity: ReadonlyMap<string, number> = new Map();
  #giving: SlotKey[] = [];
  /** By id: a run that left memory and came back is reviewed as it is now. */
  readonly #reviewed = new Map<string, LiveRun>();
  /** One question at a time; what is asked meanwhile is in the next one. */
  readonly #turns: Coalesced;

  constructor(parts: PoolsParts) {
    this.#parts = parts;
    this.#turns = new Coalesced(
      () => this.#turn(),
      // The journal rejects only when the node stops: another node gives the slots back.
      (error) => parts.observer?.troubled('asking for slots of pools', error),
    );
  }

  wait(attempt: Attempt): void {
    const name = groupOf(attempt);
    const group = this.#waiting.get(name) ?? new Set<Attempt>();
    this.#waiting.set(name, group.add(attempt));
    this.ask();
  }

  /** It was running before this node took its run over: its slots are taken. */
  resume(attempt: Attempt): void {
    this.#held.add(attempt);
  }

  waits(attempt: Attempt): boolean {
    return this.#waiting.get(groupOf(attempt))?.has(attempt) === true;
  }

  /** Its end is durable, or it is dropped. */
  leave(attempt: Attempt): void {
    // An attempt that leaves lets those behind it try, whether it waited or held.
    const waited = this.#waiting.get(groupOf(attempt))?.delete(attempt) === true;
    const held = this.#held.delete(attempt);
    if (held) this.#giving.push(slotKeyOf(attempt));
    if (waited || held) this.ask();
  }

  /**
   * It is dropped, and by the journal it may continue: the attempt that follows it has the same slots.
   * `review` gives back slots that no attempt follows.
   */
  part(attempt: Attempt): void {
    this.#waiting.get(groupOf(attempt))?.delete(attempt);
    this.#held.delete(attempt);
    // As it is now it follows nothing, so nothing of it would be kept.
    if (this.#reviewed.get(attempt.run.id) === attempt.run) this.#reviewed.delete(attempt.run.id);
  }

  /** A run was taken over: slots of attempts of it that are over by now are free. */
  adopted(run: LiveRun): void {
    if (run.state.definition.tasks.some(({ pools }) => pools !== undefined)) this.review(run);
  }

  /** What a run holds and no attempt of it follows is free. */
  review(run: LiveRun): void {
    this.#reviewed.set(run.id, run);
    this.ask();
  }

  /** What attempts of this node hold of a pool. */
  used(pool: string): number {
    let used = 0;
    for (const attempt of this.#held) used += attempt.limits.pools?.[pool] ?? 0;
    return used;
  }

  /** Of the pools that workflows declare, for monitoring. */
  readings(): PoolReading[] {
    return Array.from(this.#capacity, ([pool, capacity]) => {
      return { pool, used: this.used(pool), capacity };
    });
  }

  setCapacity(capacity: ReadonlyMap<string, number>): void {
    this.#capacity = capacity;
    this.ask();
  }

  stop(): void {
    this.#turns.stop();
  }

  /** Slots may be free, here or by another node: those that wait ask for them. */
  ask(): void {
    this.#turns.ask();
  }

  async #turn(): Promise<void> {
    const { slots, identity } = this.#parts;
    // Until nothing is left: an attempt that was dropped may be queued again meanwhile, and would be
    // granted the very slots that are still to be given back.
    while (this.#giving.length > 0 || this.#reviewed.size > 0) await this.#giveBack();
    const asking = this.#next();
    if (asking.length === 0) return;
    const wants = asking.map((attempt) => ({
      ...slotKeyOf(attempt),
      slots: attempt.limits.pools ?? {},
    }));
    const { granted, pools } = await slots.acquire(identity.lease, wants, grant);
    for (const state of pools) this.#states.set(state.pool, state);
    asking.forEach((attempt, index) => {
      if (granted[index] === true) this.#grant(attempt);
    });
  }

  /** Never beside a `take` of this node: a slot that is taken meanwhile must be among the kept. */
  async #giveBack(): Promise<void> {
    const { slots, identity } = this.#parts;
    const given = this.#giving;
    this.#giving = [];
    if (given.length > 0) await slots.release(identity.lease, given);
    for (const [id, run] of this.#reviewed) {
      this.#reviewed.delete(id);
      // What is queued asks again: if it is dropped before, its slots would never be given back.
      const attempts = run.attempts
        .filter((attempt) => attempt !== undefined)
        .filter((attempt) => this.#held.has(attempt));
      await slots.releaseOthers(identity.lease, run.id, attempts.map(slotKeyOf));
    }
  }

  #next(): Attempt[] {
    const next: Attempt[] = [];
    for (const [name, group] of this.#waiting) {
      if (group.size === 0) this.#waiting.delete(name);
      let count = 0;
      for (const attempt of group) {
        if (count++ === AT_ONCE) break;
        next.push(attempt);
      }
    }
    return next;
  }

  #grant(attempt: Attempt): void {
    // There may be more of the same behind it.
    this.ask();
    if (this.#waiting.get(groupOf(attempt))?.delete(attempt) === true) {
      this.#held.add(attempt);
      this.#parts.granted(attempt);
    } else {
      // It was dropped meanwhile.
      this.#giving.push(slotKeyOf(attempt));
    }
  }

  /** Why an attempt waits. */
  gate(attempt: Attempt): Gate {
    const { since } = attempt;
    const wanted = Object.entries(attempt.limits.pools ?? {});
    const known = wanted.flatMap(([pool, slots]) => {
      const state = this.#states.get(pool);
      return state === undefined ? [] : [{ ...state, slots }];
    });
    const full =
      known.find(({ capacity, used, slots }) => used + slots > (capacity ?? 0)) ?? known[0];
    if (full === undefined) {
      const pools = wanted.map(([pool]) => poolName(pool)).join(', ');
      return { kind: 'pool', since, message: `asks for slots of ${pools}` };
    }
    return { kind: 'pool', on: full.pool, since, message: messageOf(full) };
  }
}

function messageOf({
  pool,
  capacity,
  used,
  holders,
  slots,
}: PoolState & { slots: number }): string {
  const name = poolName(pool);
  if (capacity === null) return `waits for ${name}, which is not deployed`;
  if (slots > capacity)
    return `wants ${slots} slots of ${name}, which now has ${capacity}: deploy the pool with more slots`;
  const held = holders
    .map(
      ({ run, task, since }) =>
        `task "${task}" of run ${run} since ${new Date(since).toISOString()}`,
    )
    .join('; ');
  const by = held === '' ? '' : `, held by ${held}`;
  return `waits for a slot of ${name}: ${used} of ${capacity} are used${by}`;
}

export function isPooled(attempt: Attempt): boolean {
  return attempt.limits.pools !== undefined;
}

function groupOf(attempt: Attempt): string {
  return Object.keys(attempt.limits.pools ?? {})
    .toSorted()
    .join('\n');
}

function slotKeyOf({ run, task, number }: Attempt): SlotKey {
  return { run: run.id, task, attempt: number };
}
