/**
 * Slots of pools (law 9): a slot is a lease of a flight that is in the air, and what is used is
 * the sum over those flights. There is no counter, so there is nothing to leak: a flight that is
 * gone holds nothing.
 */
import type { Gate } from '../model/run.ts';
import type { Flight } from './flight.ts';
import type { PoolReading } from './observer.ts';

export class Pools {
  #capacity: ReadonlyMap<string, number> = new Map();
  readonly #holders = new Map<string, Set<Flight>>();

  setCapacity(capacity: ReadonlyMap<string, number>): void {
    this.#capacity = capacity;
  }

  used(pool: string): number {
    let used = 0;
    for (const flight of this.#holders.get(pool) ?? []) used += flight.pools?.[pool] ?? 0;
    return used;
  }

  readings(): PoolReading[] {
    return Array.from(this.#capacity, ([pool, capacity]) => {
      return { pool, used: this.used(pool), capacity };
    });
  }

  /** The first pool that has no room for the flight, or undefined. */
  full(flight: Flight): string | undefined {
    for (const [pool, slots] of Object.entries(flight.pools ?? {})) {
      if (this.used(pool) + slots > (this.#capacity.get(pool) ?? 0)) return pool;
    }
    return undefined;
  }

  take(flight: Flight): void {
    for (const pool of Object.keys(flight.pools ?? {})) {
      const holders = this.#holders.get(pool) ?? new Set<Flight>();
      this.#holders.set(pool, holders.add(flight));
    }
  }

  /** The pools in which there is room again. */
  leave(flight: Flight): string[] {
    return Object.keys(flight.pools ?? {}).filter((pool) =>
      this.#holders.get(pool)?.delete(flight),
    );
  }

  /** Why a flight waits for a pool. */
  gate(pool: string, since: number): Gate {
    const capacity = this.#capacity.get(pool);
    if (capacity === undefined) {
      return {
        kind: 'pool',
        on: pool,
        since,
        words: `waits for pool "${pool}", which no deployed workflow declares; deploy one with pools: { ${pool}: N }`,
      };
    }
    const holders = [...(this.#holders.get(pool) ?? [])].slice(0, 3);
    const held = holders
      .map(
        (flight) =>
          `task "${flight.task}" of run ${flight.run.id} since ${new Date(flight.since).toISOString()}`,
      )
      .join('; ');
    return {
      kind: 'pool',
      on: pool,
      since,
      words: `waits for a slot of pool "${pool}": ${this.used(pool)} of ${capacity} are used, held by ${held}`,
    };
  }
}
