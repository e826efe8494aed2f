/**
 * Makes the world follow a run: what the plan says is due is begun, what it no longer says is
 * stopped, timers stand where it wants to be woken. It is called with nodes whose change is durable
 * (law 4), and it is the same code on the first pass, after a crash and after a restart.
 */
import {
  indexOf,
  isQueued,
  type Overlay,
  runTimer,
  taskOf,
  type Timer,
  timerOf,
  type Work,
  workOf,
} from '../../kernel/run/machine.ts';
import type { AttemptReport } from '../../model/run.ts';
import type { Clock } from '../clock.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Lanes } from './lanes.ts';
import { Attempt, type LiveRun, type OnDurable } from '../runs/live-run.ts';
import type { RunGate } from '../runs/run-gate.ts';
import type { World } from '../runs/world.ts';
import { Timers } from './timers.ts';

interface ReconcilerParts {
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  readonly lanes: Lanes;
  readonly gate: Pick<RunGate, 'apply'>;
  /** Resolves when no attempt of the run is under way on this node. */
  readonly quiescent: (run: LiveRun) => Promise<void>;
}

/** So many are begun, each with what it decides at once, in some tens of milliseconds. */
const NODES_AT_ONCE = 400;

export class Reconciler implements World {
  readonly #parts: ReconcilerParts;
  readonly #timers: Timers;
  #stopped = false;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock, (run, timer) => this.#due(run, timer));
  }

  /** From now on nothing is begun, and no run is woken. */
  stop(runs: Iterable<LiveRun>): void {
    this.#stopped = true;
    for (const run of runs) this.#timers.clear(run);
  }

  /** Every node of a run that has just come into memory. */
  adopt(run: LiveRun): void {
    const nodes = run.state.nodes.map((_, node) => node);
    this.#inTurns(run, nodes, 0, () => {
      this.#parts.dispatcher.adopted(run);
      this.setRunTimer(run);
    });
  }

  /**
   * Nodes whose change is durable. Where there are many, attempts that exist are reconciled at once (a
   * hold stops what is queued), and new ones begin in portions.
   */
  follow(run: LiveRun, touched: readonly number[]): void {
    if (touched.length <= NODES_AT_ONCE) {
      for (const node of touched) if (isDurable(run, node)) this.reconcile(run, node);
      return;
    }
    const idle: number[] = [];
    for (const node of touched) {
      if (run.attempts[node] === undefined) idle.push(node);
      else if (isDurable(run, node)) this.reconcile(run, node);
    }
    this.#inTurns(run, idle, 0, () => undefined);
  }

  /** A node that is changed meanwhile is reconciled when that is durable. */
  #inTurns(run: LiveRun, nodes: readonly number[], from: number, done: () => void): void {
    if (!run.resident || this.#stopped) return;
    const end = Math.min(nodes.length, from + NODES_AT_ONCE);
    for (const node of nodes.slice(from, end)) if (isDurable(run, node)) this.reconcile(run, node);
    if (end >= nodes.length) done();
    else this.#parts.clock.soon(() => this.#inTurns(run, nodes, end, done));
  }

  /** The run leaves memory: nothing of it continues here, unless it comes back at once. */
  evict(run: LiveRun, comesBack: boolean): void {
    const attempts = run.attempts.filter((attempt) => attempt !== undefined);
    this.#dropAll(run, attempts, comesBack);
    this.#timers.clear(run);
  }

  /** Makes the world follow one node: the same code on the first pass and after a crash. */
  reconcile(run: LiveRun, node: number): void {
    const work = workOf(run.state, node);
    this.#timers.set(run, node, timerOf(run.state, node));
    const attempt = run.attempts[node];
    if (attempt !== undefined && attempt.number !== work?.attempt) {
      // A hold stops starts only: what has begun continues to its outcome.
      if (work === undefined && this.#isHeldWhileRunning(run, attempt)) return;
      this.#drop(run, attempt);
    }
    if (work === undefined) return;
    const current = run.attempts[node];
    if (current === undefined) this.#create(run, work);
    else if (work.kind === 'follow' && work.cancel && current.stop === undefined)
      current.halt('cancel');
  }

  #isHeldWhileRunning(run: LiveRun, attempt: Attempt): boolean {
    return attempt.state !== 'queued' && isQueued(run.state, attempt.node, attempt.number);
  }

  /** The start of an attempt was refused: nothing was sent, and its place is free again. */
  abandon(attempt: Attempt): void {
    const { run, node } = attempt;
    if (!run.resident || run.attempts[node] !== attempt) return;
    this.#drop(run, attempt);
    if (isDurable(run, node)) this.reconcile(run, node);
  }

  #create(run: LiveRun, work: Work): void {
    const { clock, dispatcher, lanes } = this.#parts;
    const limits = lanes.limitsOf(taskOf(run.state, work.node));
    const attempt = new Attempt(run, work, limits, clock.now());
    run.attempts[work.node] = attempt;
    if (work.kind === 'dispatch') {
      dispatcher.enqueue(attempt);
    } else {
      if (work.cancel) attempt.halt('cancel');
      dispatcher.resume(attempt);
    }
  }

  /**
   * A restart numbers the nodes afresh: attempts are found again by their task's name. The result
   * is to be called when the restart is durable: until then the journal may continue without it.
   */
  renumber(run: LiveRun, onDurable: OnDurable | undefined): OnDurable | undefined {
    this.#timers.clear(run);
    const attempts = run.attempts.splice(0).filter((attempt) => attempt !== undefined);
    run.touchedAt.length = 0;
    const gone: Attempt[] = [];
    for (const attempt of attempts) {
      const node = indexOf(run.state, attempt.task);
      if (node === undefined) {
        gone.push(attempt);
      } else {
        attempt.node = node;
        run.attempts[node] = attempt;
      }
    }
    this.#dropAll(run, gone, true);
    if (gone.length === 0) return onDurable;
    return (error) => {
      if (error === undefined && run.resident) this.#parts.dispatcher.restarted(run);
      onDurable?.(error);
    };
  }

  #drop(run: LiveRun, attempt: Attempt): void {
    detach(run, attempt);
    this.#parts.dispatcher.close(attempt, false);
  }

  /** All are halted before the first gives its place back: that place must be none of the others'. */
  #dropAll(run: LiveRun, attempts: readonly Attempt[], comesBack: boolean): void {
    for (const attempt of attempts) detach(run, attempt);
    for (const attempt of attempts) this.#parts.dispatcher.close(attempt, comesBack);
  }

  #due(run: LiveRun, timer: Timer): void {
    if (this.#parts.gate.apply(run, commandOf(run, timer)) === undefined) return;
    // Refused: the machine's timer was a moment early, or the plan has changed. It is set again.
    if (timer.of === 'run') this.setRunTimer(run);
    // What it changed to may not be durable yet: then its commit comes here (law 4).
    else if (isDurable(run, timer.node)) this.reconcile(run, timer.node);
  }

  quiescent(run: LiveRun): Promise<void> {
    return this.#parts.quiescent(run);
  }

  overlayOf(run: LiveRun): Overlay {
    return {
      runningSince: (node) => {
        const attempt = run.attempts[node];
        return attempt?.state === 'queued' ? undefined : attempt?.since;
      },
      waitsFor: (node) => {
        const attempt = run.attempts[node];
        return attempt === undefined ? undefined : this.#parts.dispatcher.gate(attempt);
      },
    };
  }

  setRunTimer(run: LiveRun): void {
    if (run.state.deadline === undefined && run.timers.size === 0) return;
    this.#timers.set(run, 'run', runTimer(run.state));
  }
}

/** The run knows it no more, and it is to stop. */
function detach(run: LiveRun, attempt: Attempt): void {
  if (run.attempts[attempt.node] === attempt) run.attempts[attempt.node] = undefined;
  if (attempt.isOpen) attempt.halt('drop');
}

function commandOf({ id }: LiveRun, timer: Timer): AttemptReport {
  if (timer.of === 'run') return { type: 'WakeRun', run: id };
  return { type: 'WakeTask', run: id, task: timer.task, attempt: timer.attempt };
}

/** What its last change says is in the journal (law 4). */
function isDurable(run: LiveRun, node: number): boolean {
  return (run.touchedAt[node] ?? 0) <= run.durable;
}
