/** Metrics, traces and the log as one observer of the engine. */
import type { Fact, Observer, WatchedRun } from '../engine/observer.ts';
import type { RunEvent } from '../model/run.ts';
import type { EngineLog } from './engine-log.ts';
import type { EngineCounts } from './metrics/counts.ts';
import type { Traces } from './traces/traces.ts';

export class Observers implements Observer {
  readonly #counts: EngineCounts;
  readonly #log: EngineLog;
  readonly #traces: Traces | undefined;

  constructor(counts: EngineCounts, log: EngineLog, traces: Traces | undefined) {
    this.#counts = counts;
    this.#log = log;
    this.#traces = traces;
  }

  decided(run: WatchedRun, events: readonly RunEvent[]): void {
    this.#counts.decided(run, events);
    this.#traces?.decided(run, events);
  }
  contextOf(run: WatchedRun, task: string, attempt: number) {
    return this.#traces?.contextOf(run, task, attempt);
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
  notified(notification: string): void {
    this.#counts.notified(notification);
  }
  noted(fact: Fact): void {
    this.#counts.noted(fact);
    this.#log.noted(fact);
  }
  troubled(what: string, error: unknown, about?: object): void {
    this.#counts.troubled(what);
    this.#log.troubled(what, error, about);
  }
}
