/**
 * The flights of this node that are in the air: begun, given up when they do not come back, and
 * brought down when the node stops.
 */
import type { Clock } from '../clock.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Flight } from '../runs/flight.ts';
import type { LiveRun } from '../runs/live-run.ts';
import { Overdue } from './overdue.ts';

/** How long the attempts of a run that is folded again may take to end. */
const LANDING_MS = 30_000;

export interface AirspaceParts {
  readonly clock: Clock;
  readonly dispatcher: () => Dispatcher;
  /** How long calls may take to end when the node stops. */
  readonly drainMs: number;
  readonly perform: (flight: Flight) => Promise<unknown>;
  /** A mistake of ours or of a connector: it fails the task, and never takes the engine with it. */
  readonly broken: (flight: Flight, error: unknown) => Promise<void>;
  /** Ends an attempt whose call does not come back. */
  readonly giveUp: (flight: Flight) => Promise<void>;
  /** Its outcome is the system's, which goes on by itself. */
  readonly isJob: (flight: Flight) => boolean;
}

export class Airspace {
  readonly #parts: AirspaceParts;
  readonly #flying = new Set<Flight>();
  readonly #landed = new Set<() => void>();
  readonly #overdue: Overdue;

  constructor(parts: AirspaceParts) {
    this.#parts = parts;
    this.#overdue = new Overdue(parts.clock, (flight) => this.#giveUp(flight));
  }

  get size(): number {
    return this.#flying.size;
  }

  /** One promise for an attempt; an async function would cost as much as the rest of it. */
  begin(flight: Flight): void {
    this.#flying.add(flight);
    flight.halted = this.#overdue.halted;
    const broken = (error: unknown): Promise<void> => this.#broken(flight, error);
    try {
      void this.#parts.perform(flight).then(() => this.#over(flight), broken);
    } catch (error) {
      void broken(error);
    }
  }

  halt(): void {
    for (const flight of this.#flying) flight.halt('shutdown');
  }

  /** No attempt of a run that left memory is under way; what does not end at all is not waited for. */
  async landed(run: LiveRun): Promise<void> {
    let over = false;
    const cancel = this.#parts.clock.after(LANDING_MS, () => {
      over = true;
      for (const wake of this.#landed) wake();
    });
    while (!over && [...this.#flying].some((flight) => flight.run === run)) {
      await new Promise<void>((resolve) => this.#landed.add(resolve));
    }
    cancel();
  }

  /**
   * Calls get some time to end. Jobs are left to go on, and what is only asked about can be asked
   * about again: both are found at the next start.
   */
  async drain(): Promise<void> {
    const { clock, drainMs, isJob } = this.#parts;
    for (const flight of this.#flying)
      if (!flight.calling || isJob(flight)) flight.halt('shutdown');
    let over = false;
    const cancel = clock.after(drainMs, () => {
      over = true;
      this.halt();
      for (const wake of this.#landed) wake();
    });
    while (this.#flying.size > 0 && !over) {
      await new Promise<void>((resolve) => this.#landed.add(resolve));
      this.#landed.clear();
    }
    cancel();
  }

  #over(flight: Flight): void {
    if (flight.overdue) this.#parts.dispatcher().cameBack(flight);
    else this.#land(flight);
  }

  #land(flight: Flight): void {
    this.#flying.delete(flight);
    if (this.#landed.size > 0) for (const wake of this.#landed) wake();
  }

  async #broken(flight: Flight, error: unknown): Promise<void> {
    await this.#parts.broken(flight, error);
    this.#over(flight);
  }

  /** Its call is waited for no more, also when the node stops: only what is asked about it is. */
  #giveUp(flight: Flight): void {
    const { dispatcher, giveUp, broken } = this.#parts;
    dispatcher().giveUp(flight);
    if (flight.stop === 'drop') {
      this.#land(flight);
      return;
    }
    void giveUp(flight)
      .catch((error: unknown) => broken(flight, error))
      .then(() => this.#land(flight));
  }
}
