/**
 * The dispatcher: takes attempts from its queues when there is room. A lane is a connector's
 * limit on this node; a pool is a limit across workflows. Order is first come, first served,
 * within a lane and within a pool; a task that waits for a pool holds nobody else up.
 *
 * Who waits may wait for somebody behind him. Actions that say so have a lane of their own
 * (`laneOf`); and a full lane in which nothing has ended for a second lets one more begin, each
 * second, until it has begun as many again.
 *
 * A call that was given up has its end, and may still go on in the connector. As many of them as
 * the lane is wide leave its room to others; beyond that each takes the place of one.
 */
import type { Action } from '../../connectors/kit/connector.ts';
import type { Body } from '../../model/definition.ts';
import type { Gate } from '../../model/run.ts';
import { Fifo } from '../fifo.ts';
import type { Clock } from '../clock.ts';
import type { Attempt } from '../runs/attempt.ts';
import type { LiveRun } from '../runs/live-run.ts';
import type { LaneReading } from '../observer.ts';
import { isPooled, type Pools } from './pools.ts';

/** A lane in which nothing ends for so long may be full of those who wait for who is not let in. */
const STUCK_MS = 1_000;
/** Begun without a pause for others: attempts that end at once would let in one another without end. */
const BEGUN_AT_ONCE = 1_000;
/** Waits cost the node next to nothing; each has a place in memory. */
const MOST_WAITS = 10_000;

class Lane {
  readonly limit: number;
  active = 0;
  /** Begun beyond the limit, because nothing ended. */
  beyond = 0;
  /** Given up, and not come back. */
  overdue = 0;
  /** Attempts that have ended. */
  ended = 0;
  watched = false;
  readonly queue = new Fifo<Attempt>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get isFull(): boolean {
    return this.active + Math.max(0, this.overdue - this.limit) >= this.limit + this.beyond;
  }
}

/** How many attempts of an action that only waits, or of the other actions, one node runs. */
export function limitsOf(
  connectors: readonly {
    readonly name: string;
    readonly concurrency: number;
    readonly actions: readonly Pick<Action, 'name' | 'waits'>[];
  }[],
): Map<string, number> {
  const limits = new Map<string, number>([['workflow', 100_000]]);
  for (const { name, concurrency, actions } of connectors) {
    limits.set(name, concurrency);
    for (const action of actions) if (action.waits === true) limits.set(action.name, MOST_WAITS);
  }
  return limits;
}

const lanes = new WeakMap<Body, string>();

/**
 * The connector, or `workflow` for a child run, or the action itself if it only waits: told once
 * per version and not once per attempt. `limits`: those that there are.
 */
export function laneOf(body: Body, limits: ReadonlyMap<string, number>): string {
  if (body.kind !== 'action') return body.kind;
  const known = lanes.get(body);
  if (known !== undefined) return known;
  const lane = limits.has(body.action)
    ? body.action
    : body.action.slice(0, body.action.indexOf('.'));
  lanes.set(body, lane);
  return lane;
}

export class Dispatcher {
  readonly #lanes = new Map<string, Lane>();
  readonly #pools: Pools;
  readonly #begin: (attempt: Attempt) => void;
  readonly #clock: Clock;
  readonly #begun: ((attempt: Attempt, waitedMs: number) => void) | undefined;
  /** Since the last pause. */
  #count = 0;
  #pausing = false;
  #stopped = false;

  constructor(
    limits: ReadonlyMap<string, number>,
    pools: Pools,
    clock: Clock,
    begin: (attempt: Attempt) => void,
    begun?: (attempt: Attempt, waitedMs: number) => void,
  ) {
    for (const [lane, limit] of limits) this.#lanes.set(lane, new Lane(limit));
    this.#pools = pools;
    this.#clock = clock;
    this.#begin = begin;
    this.#begun = begun;
  }

  enqueue(attempt: Attempt): void {
    if (isPooled(attempt)) this.#pools.wait(attempt);
    else this.ready(attempt, attempt.since);
  }

  /** It has its slots, or needs none: it waits for its lane only. */
  ready(attempt: Attempt, now?: number): void {
    const lane = this.#lane(attempt.lane);
    lane.queue.push(attempt);
    this.#pump(lane, now);
  }

  /** An attempt that was going on before this node took its run over: it holds its room already. */
  resume(attempt: Attempt): void {
    attempt.phase = 'running';
    this.#lane(attempt.lane).active += 1;
    if (isPooled(attempt)) this.#pools.resume(attempt);
    this.#begin(attempt);
  }

  /** Its work is over: the connector has room for another. Slots of pools stay until `leave`. */
  done(attempt: Attempt): void {
    if (attempt.phase !== 'running') return;
    attempt.phase = 'done';
    const lane = this.#lane(attempt.lane);
    lane.active -= 1;
    lane.ended += 1;
    if (lane.beyond > 0) lane.beyond -= 1;
    this.#pump(lane);
  }

  /** Its call does not come back: the place is another's. */
  giveUp(attempt: Attempt): void {
    this.#lane(attempt.lane).overdue += 1;
    this.done(attempt);
  }

  /** A call that was given up has come back after all. */
  cameBack(attempt: Attempt): void {
    const lane = this.#lane(attempt.lane);
    lane.overdue -= 1;
    this.#pump(lane);
  }

  /** Its end is durable, or it is dropped. `comesBack`: its run does, and with it what goes on. */
  leave(attempt: Attempt, comesBack: boolean): void {
    if (attempt.phase === 'running') this.done(attempt);
    attempt.phase = 'done';
    attempt.conclude();
    if (!isPooled(attempt)) return;
    if (comesBack) this.#pools.part(attempt);
    else this.#pools.leave(attempt);
  }

  /** All attempts of a run that was taken over are here. */
  tookUp(run: LiveRun): void {
    this.#pools.takeUp(run);
  }

  /** Attempts of it were dropped, and now it is durable that they are over. */
  restarted(run: LiveRun): void {
    this.#pools.review(run);
  }

  stop(): void {
    this.#stopped = true;
    this.#pools.stop();
  }

  /** Attempts of a lane that are in the air. */
  active(lane: string): number {
    return this.#lane(lane).active;
  }

  lanes(): LaneReading[] {
    return Array.from(this.#lanes, ([lane, { active, limit, overdue, queue }]) => {
      return { lane, active, limit, overdue, queued: queue.size };
    });
  }

  /** Why a queued attempt waits. */
  gate(attempt: Attempt): Gate {
    if (isPooled(attempt) && this.#pools.waits(attempt)) return this.#pools.gate(attempt);
    const lane = this.#lane(attempt.lane);
    const since = attempt.since;
    if (this.#stopped)
      return {
        kind: 'capacity',
        since,
        words: 'this node is stopping; it goes on at the next start',
      };
    return {
      kind: 'capacity',
      on: attempt.lane,
      since,
      words: `waits for room: ${lane.active} of ${lane.limit} ${attempt.lane} tasks are running on this node, ${lane.queue.size} in the queue${overdueWords(lane)}`,
    };
  }

  #lane(name: string): Lane {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane = new Lane(1_000);
    this.#lanes.set(name, lane);
    return lane;
  }

  /** `now`, where it is known: what asks the machine for the time is felt with each task. */
  #pump(lane: Lane, now?: number): void {
    while (!this.#stopped && !this.#pausing) {
      if (lane.isFull) {
        if (lane.queue.size > 0) this.#watch(lane);
        return;
      }
      const attempt = lane.queue.shift();
      if (attempt === undefined) return;
      if (attempt.phase !== 'queued' || attempt.stop !== undefined) continue;
      lane.active += 1;
      attempt.phase = 'running';
      const since = now ?? this.#clock.now();
      this.#begun?.(attempt, since - attempt.since);
      attempt.since = since;
      if (++this.#count >= BEGUN_AT_ONCE) this.#pause();
      this.#begin(attempt);
    }
  }

  /** Who else the loop serves has a turn; then every lane goes on. */
  #pause(): void {
    this.#count = 0;
    this.#pausing = true;
    this.#clock.soon(() => {
      this.#pausing = false;
      for (const lane of this.#lanes.values()) this.#pump(lane);
    });
  }

  /** Lets one more begin when nothing ends; looks as long as somebody waits. */
  #watch(lane: Lane): void {
    if (lane.watched || lane.beyond >= lane.limit) return;
    lane.watched = true;
    const before = lane.ended;
    this.#clock.after(STUCK_MS, () => {
      lane.watched = false;
      if (this.#stopped || lane.queue.size === 0) return;
      if (lane.ended === before && lane.isFull) lane.beyond += 1;
      this.#pump(lane);
    });
  }
}

function overdueWords({ overdue }: Lane): string {
  if (overdue === 0) return '';
  return `; ${overdue} that were given up have not come back`;
}
