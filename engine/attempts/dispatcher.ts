/**
 * The dispatcher: begins attempts from its queues when there is capacity. A lane is a connector's
 * limit on this node; a pool is a limit across workflows. Order is first come, first served,
 * within a lane and within a pool; a task that waits for a pool delays no other.
 *
 * An attempt that only waits may wait for one behind it in the queue. Actions that say that they wait
 * have a lane of their own (`lanes.ts`); and a full lane in which nothing has ended for a second lets
 * one more begin, each second, until it has begun as many again.
 *
 * The attempt of a call that was given up has its end, and the call may still run in the connector.
 * As many of them as the lane is wide leave its places to others; beyond that each takes one.
 */
import type { Gate } from '../../model/run.ts';
import type { Clock } from '../clock.ts';
import type { Attempt, LiveRun } from '../runs/live-run.ts';
import type { Observer } from '../observer.ts';
import type { Lane, Lanes } from './lanes.ts';
import { isPooled, type Pools } from './pools.ts';

/** A lane in which nothing ends for so long may be full of attempts that wait for one in its queue. */
const STUCK_MS = 1_000;
/** Begun without a pause for other work: attempts that end at once would begin one another without end. */
const BEGUN_AT_ONCE = 1_000;

interface DispatcherParts {
  readonly lanes: Lanes;
  readonly pools: Pools;
  readonly clock: Clock;
  /** It has a place in its lane. */
  readonly begin: (attempt: Attempt) => void;
  readonly observer?: Observer | undefined;
}

export class Dispatcher {
  readonly #lanes: Lanes;
  readonly #pools: Pools;
  readonly #begin: (attempt: Attempt) => void;
  readonly #clock: Clock;
  readonly #observer: Observer | undefined;
  /** Since the last pause. */
  #count = 0;
  #pausing = false;
  #stopped = false;

  constructor({ lanes, pools, clock, begin, observer }: DispatcherParts) {
    this.#lanes = lanes;
    this.#pools = pools;
    this.#clock = clock;
    this.#begin = begin;
    this.#observer = observer;
  }

  enqueue(attempt: Attempt): void {
    if (isPooled(attempt)) this.#pools.wait(attempt);
    else this.ready(attempt, attempt.since);
  }

  /** It has its slots, or needs none: it waits for its lane only. */
  ready(attempt: Attempt, now?: number): void {
    const lane = this.#lanes.get(attempt.limits.lane);
    lane.queue.push(attempt);
    this.#pump(lane, now);
  }

  /** An attempt that ran before this node took its run over: it has its place already. */
  resume(attempt: Attempt): void {
    attempt.begin(attempt.since);
    this.#lanes.get(attempt.limits.lane).enter();
    if (isPooled(attempt)) this.#pools.resume(attempt);
    this.#begin(attempt);
  }

  /** The connector has capacity for another. Slots of pools stay until `close`. */
  finish(attempt: Attempt): void {
    if (!attempt.finish()) return;
    const lane = this.#lanes.get(attempt.limits.lane);
    lane.leave();
    this.#pump(lane);
  }

  /** Its call does not come back: the place is another's. */
  giveUp(attempt: Attempt): void {
    this.#lanes.get(attempt.limits.lane).giveUp();
    this.finish(attempt);
  }

  /** A call that was given up has come back after all. */
  cameBack(attempt: Attempt): void {
    const lane = this.#lanes.get(attempt.limits.lane);
    lane.cameBack();
    this.#pump(lane);
  }

  /** Its end is durable, or it is dropped. `comesBack`: its run does, and with it what runs. */
  close(attempt: Attempt, comesBack: boolean): void {
    if (attempt.state === 'running') this.finish(attempt);
    attempt.close();
    if (!isPooled(attempt)) return;
    if (comesBack) this.#pools.part(attempt);
    else this.#pools.leave(attempt);
  }

  /** All attempts of a run that was taken over are here. */
  adopted(run: LiveRun): void {
    this.#pools.adopted(run);
  }

  /** Attempts of it were dropped, and now it is durable that they are over. */
  restarted(run: LiveRun): void {
    this.#pools.review(run);
  }

  stop(): void {
    this.#stopped = true;
    this.#pools.stop();
  }

  /** Why a queued attempt waits. */
  gate(attempt: Attempt): Gate {
    if (isPooled(attempt) && this.#pools.waits(attempt)) return this.#pools.gate(attempt);
    const lane = this.#lanes.get(attempt.limits.lane);
    const since = attempt.since;
    if (this.#stopped)
      return {
        kind: 'capacity',
        since,
        message: 'this node is stopping; the task resumes at the next start',
      };
    return {
      kind: 'capacity',
      on: attempt.limits.lane,
      since,
      message: `waits for capacity: ${lane.active} of ${lane.limit} ${attempt.limits.lane} tasks are running on this node, ${lane.queue.size} in the queue${lane.overdueText}`,
    };
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
      if (attempt.state !== 'queued' || attempt.stop !== undefined) continue;
      lane.enter();
      const begunAt = now ?? this.#clock.now();
      this.#observer?.begun(attempt.run.state, attempt.task, begunAt - attempt.since);
      attempt.begin(begunAt);
      if (++this.#count >= BEGUN_AT_ONCE) this.#pause();
      this.#begin(attempt);
    }
  }

  /** Other work of the event loop has a turn; then every lane continues. */
  #pause(): void {
    this.#count = 0;
    this.#pausing = true;
    this.#clock.soon(() => {
      this.#pausing = false;
      for (const lane of this.#lanes.all()) this.#pump(lane);
    });
  }

  /** Lets one more begin when nothing ends, as long as the queue is not empty. */
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
