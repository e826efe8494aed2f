/**
 * The attempts of this node that have begun and not ended: started, given up when their calls do
 * not come back, and ended when the node stops.
 */
import type { Log } from '../../model/log.ts';
import { Wait } from '../../model/wait-for.ts';
import type { Clock } from '../clock.ts';
import type { Attempt, LiveRun } from '../runs/live-run.ts';
import type { AttemptRunner } from './attempt-runner.ts';
import type { Dispatcher } from './dispatcher.ts';
import { Overdue } from './overdue.ts';

/** How long the attempts of a run that is folded again may take to end. */
const QUIET_MS = 30_000;

interface RunningAttemptsParts {
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  readonly runner: AttemptRunner;
  /** How long calls may take to end when the node stops. */
  readonly drainMs: number;
  readonly log: Pick<Log, 'warn'>;
}

export class RunningAttempts {
  readonly #parts: RunningAttemptsParts;
  readonly #attempts = new Set<Attempt>();
  /** Checks of callers that wait for attempts to end. */
  readonly #waiting = new Set<() => void>();
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
      void this.#parts.runner.run(attempt).then(() => this.#returned(attempt), broken);
    } catch (error) {
      void broken(error);
    }
  }

  halt(): void {
    for (const attempt of this.#attempts) attempt.halt('shutdown');
  }

  /** No attempt of a run that left memory is under way; what does not end at all is not waited for. */
  async quiescent(run: LiveRun): Promise<void> {
    const isQuiet = (): boolean => ![...this.#attempts].some((attempt) => attempt.run === run);
    await this.#ended(QUIET_MS, isQuiet);
  }

  /**
   * Calls get some time to end. Jobs continue without the node, and what is only asked about can be
   * asked about again: both are found at the next start.
   */
  async drain(): Promise<void> {
    for (const attempt of this.#attempts) if (!attempt.isCalling) attempt.halt('shutdown');
    await this.#ended(this.#parts.drainMs, () => this.#attempts.size === 0);
    this.halt();
  }

  /** Resolves when enough has ended, or the time is over. */
  async #ended(mostMs: number, isEnough: () => boolean): Promise<void> {
    if (isEnough()) return;
    const wait = new Wait(undefined, (wake) => this.#parts.clock.after(mostMs, wake));
    wait.also((wake) => {
      const check = (): void => {
        if (isEnough()) wake();
      };
      this.#waiting.add(check);
      return () => this.#waiting.delete(check);
    });
    await wait.over;
  }

  #returned(attempt: Attempt): void {
    if (attempt.isGivenUp) this.#parts.dispatcher.cameBack(attempt);
    else this.#end(attempt);
  }

  #end(attempt: Attempt): void {
    this.#attempts.delete(attempt);
    if (this.#waiting.size > 0) for (const check of this.#waiting) check();
  }

  async #broken(attempt: Attempt, error: unknown): Promise<void> {
    await this.#fail(attempt, error);
    this.#returned(attempt);
  }

  async #fail(attempt: Attempt, error: unknown): Promise<void> {
    const { log, runner } = this.#parts;
    const about = { run: attempt.run.id, task: attempt.task, attempt: attempt.number };
    log.warn({ err: error, ...about }, 'An attempt failed with an unexpected error.');
    try {
      await runner.fail(attempt, error);
    } catch (failure) {
      // Nothing more can be done for it here: its run is folded again, and begins it again.
      log.warn({ err: failure, ...about }, 'the task of an attempt that broke could not be failed');
    }
  }

  /** Its call is waited for no more, also when the node stops: only what is asked about it is. */
  #giveUp(attempt: Attempt): void {
    const { dispatcher, log, runner } = this.#parts;
    dispatcher.giveUp(attempt);
    if (attempt.stop === 'drop') {
      this.#end(attempt);
      return;
    }
    const { run, task, number, stop } = attempt;
    const about = { run: run.id, task, attempt: number, stop };
    log.warn(about, 'A call that was asked to stop did not return. Tutti gave it up.');
    void runner
      .settleOverdue(attempt)
      .catch((error: unknown) => this.#fail(attempt, error))
      .then(() => this.#end(attempt));
  }
}
