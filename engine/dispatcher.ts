/**
 * The dispatcher: takes flights from its queues when there is room. A lane is a connector's
 * limit on this node; a pool is a limit across workflows. Order is first come, first served,
 * within a lane and within a pool; a task that waits for a pool holds nobody else up.
 */
import type { Gate } from '../model/run.ts';
import { Fifo } from './fifo.ts';
import type { Flight } from './flight.ts';
import type { LiveRun } from './live-run.ts';
import type { LaneReading } from './observer.ts';
import { isPooled, type Pools } from './pools.ts';

interface Lane {
  readonly limit: number;
  active: number;
  readonly queue: Fifo<Flight>;
}

export class Dispatcher {
  readonly #lanes = new Map<string, Lane>();
  readonly #pools: Pools;
  readonly #begin: (flight: Flight) => void;
  readonly #now: () => number;
  readonly #begun: ((flight: Flight, waitedMs: number) => void) | undefined;
  #stopped = false;

  constructor(
    limits: ReadonlyMap<string, number>,
    pools: Pools,
    now: () => number,
    begin: (flight: Flight) => void,
    begun?: (flight: Flight, waitedMs: number) => void,
  ) {
    for (const [lane, limit] of limits)
      this.#lanes.set(lane, { limit, active: 0, queue: new Fifo() });
    this.#pools = pools;
    this.#now = now;
    this.#begin = begin;
    this.#begun = begun;
  }

  enqueue(flight: Flight): void {
    if (isPooled(flight)) this.#pools.wait(flight);
    else this.ready(flight, flight.since);
  }

  /** It has its slots, or needs none: it waits for its lane only. */
  ready(flight: Flight, now?: number): void {
    this.#lane(flight.lane).queue.push(flight);
    this.#pump(flight.lane, now);
  }

  /** A flight that was going on before this node took its run over: it holds its room already. */
  resume(flight: Flight): void {
    flight.phase = 'flying';
    this.#lane(flight.lane).active += 1;
    if (isPooled(flight)) this.#pools.resume(flight);
    this.#begin(flight);
  }

  /** Its work is over: the connector has room for another. Slots of pools stay until `leave`. */
  done(flight: Flight): void {
    if (flight.phase !== 'flying') return;
    flight.phase = 'done';
    this.#lane(flight.lane).active -= 1;
    this.#pump(flight.lane);
  }

  /** Its end is durable, or it is dropped. */
  leave(flight: Flight): void {
    if (flight.phase === 'flying') this.done(flight);
    flight.phase = 'done';
    flight.conclude();
    if (isPooled(flight)) this.#pools.leave(flight);
  }

  /** All flights of a run that was taken over are here. */
  tookUp(run: LiveRun): void {
    this.#pools.takeUp(run);
  }

  stop(): void {
    this.#stopped = true;
    this.#pools.stop();
  }

  /** Flights of a lane that are in the air. */
  active(lane: string): number {
    return this.#lane(lane).active;
  }

  lanes(): LaneReading[] {
    return Array.from(this.#lanes, ([lane, { active, limit, queue }]) => {
      return { lane, active, limit, queued: queue.size };
    });
  }

  /** Why a queued flight waits. */
  gate(flight: Flight): Gate {
    if (isPooled(flight) && this.#pools.waits(flight)) return this.#pools.gate(flight);
    const lane = this.#lane(flight.lane);
    const since = flight.since;
    if (this.#stopped)
      return {
        kind: 'capacity',
        since,
        words: 'this node is stopping; it goes on at the next start',
      };
    return {
      kind: 'capacity',
      on: flight.lane,
      since,
      words: `waits for room: ${lane.active} of ${lane.limit} ${flight.lane} tasks are running on this node, ${lane.queue.size} in the queue`,
    };
  }

  #lane(name: string): Lane {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane: Lane = { limit: 1_000, active: 0, queue: new Fifo() };
    this.#lanes.set(name, lane);
    return lane;
  }

  /** `now`, where it is known: what asks the machine for the time is felt with each task. */
  #pump(name: string, now?: number): void {
    const lane = this.#lane(name);
    while (!this.#stopped && lane.active < lane.limit) {
      const flight = lane.queue.shift();
      if (flight === undefined) return;
      if (flight.phase !== 'queued' || flight.stop !== undefined) continue;
      lane.active += 1;
      flight.phase = 'flying';
      const since = now ?? this.#now();
      this.#begun?.(flight, since - flight.since);
      flight.since = since;
      this.#begin(flight);
    }
  }
}
