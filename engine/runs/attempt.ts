/**
 * One attempt of a task on this node, from the dispatcher's queue to its outcome. It holds what
 * the attempt must be reachable by: how to stop it, and since when it has been going on.
 */
import type { Follow, Work } from '../../kernel/run/machine.ts';
import type { LiveRun } from './live-run.ts';

/** Why an attempt is to stop; `drop`: nobody wants its outcome any more. */
export type Stop = 'cancel' | 'timeout' | 'drop' | 'shutdown';

export class Attempt {
  readonly run: LiveRun;
  /** Changes only when a restart numbers the run's nodes afresh. */
  node: number;
  readonly task: string;
  readonly number: number;
  /** Slots it holds while it is in the air. */
  readonly pools: Readonly<Record<string, number>> | undefined;
  /** Whose limit it counts against (`laneOf`). */
  readonly lane: string;
  phase: 'queued' | 'running' | 'done' = 'queued';
  /** When it was queued, then when it was begun. */
  since: number;
  stop: Stop | undefined;
  /** Its start was durable before this attempt: what it was doing then. */
  recovered: Follow | undefined;
  /** A call of the connector is under way that ends the attempt when it comes back. */
  calling = false;
  /** That call was given up, and has not come back. */
  overdue = false;
  /** Is told when the attempt is asked to stop. */
  halted: ((attempt: Attempt) => void) | undefined;
  #controller: AbortController | undefined;
  #interest: AbortController | undefined;
  #pausing: Set<() => void> | undefined;
  #concluded = false;

  constructor(
    run: LiveRun,
    work: Work,
    lane: string,
    since: number,
    pools: Readonly<Record<string, number>> | undefined,
  ) {
    this.run = run;
    this.node = work.node;
    this.task = work.task;
    this.number = work.attempt;
    this.lane = lane;
    this.since = since;
    this.pools = pools;
    run.busy += 1;
  }

  /** Its outcome has come through the door, or nobody wants it: the run may sleep for all it cares. */
  conclude(): void {
    if (this.#concluded) return;
    this.#concluded = true;
    this.run.busy -= 1;
  }

  get key(): string {
    return `${this.run.id}:${this.task}:${this.number}`;
  }

  /** Made when first asked for: most attempts never look at it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.stop !== undefined && !this.#controller.signal.aborted)
      this.#controller.abort(this.stop);
    return this.#controller.signal;
  }

  /**
   * Aborted when nobody here wants an answer about the attempt any more. It outlives a cancellation:
   * what became of work that is to stop is known only by asking.
   */
  get interest(): AbortSignal {
    this.#interest ??= new AbortController();
    if (isLeft(this.stop)) this.#interest.abort(this.stop);
    return this.#interest.signal;
  }

  /** Asks the attempt to stop. A `cancel` may be followed by a stronger reason, never by a weaker one. */
  halt(stop: Stop): void {
    if (this.stop !== undefined && this.stop !== 'cancel') return;
    this.stop = stop;
    this.#controller?.abort(stop);
    if (isLeft(stop)) this.#interest?.abort(stop);
    this.poke();
    this.halted?.(this);
  }

  /** Ends a pause between two questions to the system. */
  poke(): void {
    for (const wake of this.#pausing ?? []) wake();
  }

  /** Calls back at the next poke; the result takes it back. */
  onPoke(wake: () => void): () => void {
    const pausing = (this.#pausing ??= new Set());
    pausing.add(wake);
    return () => pausing.delete(wake);
  }
}

/** Nobody here wants its outcome. */
export function isLeft(stop: Stop | undefined): boolean {
  return stop === 'drop' || stop === 'shutdown';
}
