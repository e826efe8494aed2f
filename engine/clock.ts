/**
 * Time, ids and chance as the engine is given them (law 12): the real ones at the composition
 * root, simulated ones in the simulator. Nothing else in the engine asks the machine.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some moment of the past; unlike `now` it cannot be set. */
  elapsed(): number;
  /**
   * Calls back when `now` shows this time or a later one, also when it was set meanwhile, and never
   * before; the result takes it back. For times that are in the journal.
   */
  at(time: number, callback: () => void): () => void;
  /** Calls back after so many milliseconds by `elapsed`, whatever becomes of `now`. For lengths of time. */
  after(ms: number, callback: () => void): () => void;
  /** Calls back after what runs now, and before waiting for anything. */
  soon(callback: () => void): void;
}

export interface Chance {
  /** 0 ≤ next < 1. */
  next(): number;
}

export interface Ids {
  /** A new id for a run: a UUID, ordered by time. */
  run(): string;
}

/** Others have their turn: what is long is done in portions. */
export function turn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.soon(resolve));
}
