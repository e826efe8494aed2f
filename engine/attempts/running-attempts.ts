/**
 * The attempts of this node that are in the air: begun, given up when they do not come back, and
 * brought down when the node stops.
 */
import type { Clock } from '../clock.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Attempt } from '../runs/attempt.ts';
import type { LiveRun } from '../runs/live-run.ts';
import { Overdue } from './overdue.ts';

/** How long the attempts of a run that is folded again may take to end. */
const LANDING_MS = 30_000;

export interface RunningAttemptsParts {
  readonly clock: Clock;
  readonly dispatcher: () => Dispatcher;
  /** How long calls may take to end when the node stops. */
  readonly drainMs: number;
  readonly perform: (attempt: Attempt) => Promise<unknown>;
  /** A mistake of ours or of a connector: it fails the task, and never takes the engine with it. */
  readonly broken: (attempt: Attempt, error: unknown) => Promise<void>;
  /** Ends an attempt whose call does not come back. */
  readonly giveUp: (attempt: Attempt) => Promise<void>;
}

export class RunningAttempts {
  readonly #parts: RunningAttemptsParts;
  readonly #attempts = new Set<Attempt>();
  readonly #landed = new Set<() => void>();
  readonly #overdue: Overdue;

  constructor(parts: RunningAttemptsParts) {
    this.#parts = parts;
    this.#overdue = new Overdue(parts.clock, (attempt) => this.#giveUp(attempt));
  }

  get size(): number {
    return this.#attempts.size;
  }

  /** One promise for an attempt; an async function would cost as much as the rest of it. */
  begin(attempt: Attempt): void {
    this.#attempts.add(attempt);
    attempt.onStop = this.#overdue.onStop;
    const broken = (error: unknown): Promise<void> => this.#broken(attempt, error);
    try {
      void this.#parts.perform(attempt).then(() => this.#over(attempt), broken);
    } catch (error) {
      void broken(error);
    }
  }

  halt(): void {
    for (const attempt of this.#attempts) attempt.halt('shutdown');
  }

  /** No attempt of a run that left memory is under way; what does not end at all is not waited for. */
  async landed(run: LiveRun): Promise<void> {
    let over = false;
    const cancel = this.#parts.clock.after(LANDING_MS, () => {
      over = true;
      for (const wake of this.#landed) wake();
    });
    while (!over && [...this.#attempts].some((attempt) => attempt.run === run)) {
      await new Promise<void>((resolve) => this.#landed.add(resolve));
    }
    cancel();
  }

  /**
   * Calls get some time to end. Jobs are left to go on, and what is only asked about can be asked
   * about again: both are found at the next start.
   */
  async drain(): Promise<void> {
    const { clock, drainMs } = this.#parts;
    for (const attempt of this.#attempts) if (!attempt.isCalling) attempt.halt('shutdown');
    let over = false;
    const cancel = clock.after(drainMs, () => {
      over = true;
      this.halt();
      for (const wake of this.#landed) wake();
    });
    while (this.#attempts.size > 0 && !over) {
      await new Promise<void>((resolve) => this.#landed.add(resolve));
      this.#landed.clear();
    }
    cancel();
  }

  #over(attempt: Attempt): void {
    if (attempt.isGivenUp) this.#parts.dispatcher().cameBack(attempt);
    else this.#land(attempt);
  }

  #land(attempt: Attempt): void {
    this.#attempts.delete(attempt);
    if (this.#landed.size > 0) for (const wake of this.#landed) wake();
  }

  async #broken(attempt: Attempt, error: unknown): Promise<void> {
    await this.#parts.broken(attempt, error);
    this.#over(attempt);
  }

  /** Its call is waited for no more, also when the node stops: only what is asked about it is. */
  #giveUp(attempt: Attempt): void {
    const { dispatcher, giveUp, broken } = this.#parts;
    dispatcher().giveUp(attempt);
    if (attempt.stop === 'drop') {
      this.#land(attempt);
      return;
    }
    void giveUp(attempt)
      .catch((error: unknown) => broken(attempt, error))
      .then(() => this.#land(attempt));
  }
}
