/**
 * The dispatcher: takes flights from its queues when there is room. A lane is a connector's
 * limit on this node; a pool is a limit across workflows. Order is first come, first served,
 * within a lane and within a pool; a task that waits for a pool holds nobody else up.
 */
import type { Gate } from '../model/run.ts';
import { Fifo } from './fifo.ts';
import type { Flight } from './flight.ts';
import type { LaneReading } from './observer.ts';
import type { Pools } from './pools.ts';

interface Lane {
  readonly limit: number;
  active: number;
  readonly queue: Fifo<Flight>;
}

export class Dispatcher {
  readonly #lanes = new Map<string, Lane>();
  readonly #waitingForPool = new Map<string, Fifo<Flight>>();
  readonly #poolOf = new Map<Flight, string>();
  /** Flights that hold their slots already and wait for their lane only. */
  readonly #granted = new Set<Flight>();
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
    this.#lane(flight.lane).queue.push(flight);
    this.#pump(flight.lane);
  }

  /** A flight that was going on before this node took its run over: it holds its room already. */
  resume(flight: Flight): void {
    flight.phase = 'flying';
    this.#lane(flight.lane).active += 1;
    this.#pools.take(flight);
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
    this.#poolOf.delete(flight);
    this.#granted.delete(flight);
    for (const pool of this.#pools.leave(flight)) this.#wake(pool);
  }

  /** Capacity changed: everybody who waits for a pool is looked at again. */
  wakeAll(): void {
    for (const pool of this.#waitingForPool.keys()) this.#wake(pool);
  }

  stop(): void {
    this.#stopped = true;
  }

  lanes(): LaneReading[] {
    return Array.from(this.#lanes, ([lane, { active, limit, queue }]) => {
      return { lane, active, limit, queued: queue.size };
    });
  }

  /** Why a queued flight waits. */
  gate(flight: Flight): Gate {
    const pool = this.#poolOf.get(flight);
    if (pool !== undefined) return this.#pools.gate(pool, flight.since);
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

  #pump(name: string): void {
    const lane = this.#lane(name);
    while (!this.#stopped && lane.active < lane.limit) {
      const flight = lane.queue.shift();
      if (flight === undefined) return;
      if (flight.phase !== 'queued' || flight.stop !== undefined) continue;
      if (flight.pools !== undefined && !this.#granted.delete(flight)) {
        const full = this.#pools.full(flight);
        if (full !== undefined) {
          this.#park(flight, full);
          continue;
        }
        this.#pools.take(flight);
      }
      lane.active += 1;
      flight.phase = 'flying';
      const now = this.#now();
      this.#begun?.(flight, now - flight.since);
      flight.since = now;
      this.#begin(flight);
    }
  }

  #park(flight: Flight, pool: string): void {
    const queue = this.#waitingForPool.get(pool) ?? new Fifo<Flight>();
    this.#waitingForPool.set(pool, queue);
    queue.push(flight);
    this.#poolOf.set(flight, pool);
  }

  /**
   * Hands free slots to those who wait, in order. The slot is theirs from this moment, even if
   * their lane is busy: whoever is dropped meanwhile gives it back through `leave`.
   */
  #wake(pool: string): void {
    const queue = this.#waitingForPool.get(pool);
    for (
      let flight = queue?.peek();
      queue !== undefined && flight !== undefined;
      flight = queue.peek()
    ) {
      const wanted = flight.phase === 'queued' && flight.stop === undefined;
      const full = wanted ? this.#pools.full(flight) : undefined;
      if (full === pool) return;
      queue.shift();
      this.#poolOf.delete(flight);
      if (!wanted) continue;
      if (full !== undefined) {
        this.#park(flight, full);
        continue;
      }
      this.#pools.take(flight);
      this.#granted.add(flight);
      this.#lane(flight.lane).queue.push(flight);
      this.#pump(flight.lane);
    }
  }
}
