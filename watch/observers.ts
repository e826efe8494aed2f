/** Metrics and traces as one observer of the engine. */
import type { Observer, WatchedRun } from '../engine/observer.ts';
import type { RunEvent } from '../model/run.ts';
import { EngineCounts } from './metrics/counts.ts';
import type { Traces } from './traces/traces.ts';

/** Without traces the counts are told directly: what nobody asked for costs nothing. */
export function observerOf(counts: EngineCounts, traces: Traces | undefined): Observer {
  return traces === undefined ? counts : new Traced(counts, traces);
}

class Traced implements Observer {
  readonly #counts: EngineCounts;
  readonly #traces: Traces;

  constructor(counts: EngineCounts, traces: Traces) {
    this.#counts = counts;
    this.#traces = traces;
  }

  decided(run: WatchedRun, events: readonly RunEvent[]): void {
    this.#counts.decided(run, events);
    this.#traces.decided(run, events);
  }
  contextOf(run: WatchedRun, task: string, attempt: number) {
    return this.#traces.contextOf(run, task, attempt);
  }
  begun(run: WatchedRun, task: string, waitedMs: number): void {
    this.#counts.begun(run, task, waitedMs);
  }
  sent(events: number, runs: number): () => void {
    return this.#counts.sent(events, runs);
  }
  leaseRenewed(): void {
    this.#counts.leaseRenewed();
  }
  woken(lateMs: number): void {
    this.#counts.woken(lateMs);
  }
  setAside(): void {
    this.#counts.setAside();
  }
  notified(notification: string): void {
    this.#counts.notified(notification);
  }
  claimed(runs: number): void {
    this.#counts.claimed(runs);
  }
}
