/**
 * What the engine tells whoever watches it: metrics and traces. The calls stand where the facts
 * arise, on the hottest paths too, so they are few, take what is at hand and allocate nothing.
 *
 * An observer must not throw, must not wait, and cannot change anything. What needs no history
 * (queues, limits, pools) is not reported but read on demand: `EngineReadings`.
 */
import type { TraceContext } from '../connectors/kit/connector.ts';
import type { Definition } from '../model/definition.ts';
import type { ParentTask, RunEvent } from '../model/run.ts';

/** A run as its observer may see it. The object is the same for as long as the run is in memory. */
export interface WatchedRun {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  /** One object for all runs of a version: what is known of it can be kept in a WeakMap. */
  readonly definition: Definition;
  readonly createdAt: number;
  readonly parent?: ParentTask;
  /** What the caller that started the run traces it by. */
  readonly trace?: string;
}

export interface Observer {
  /** What one step of a run decided, on its way to the journal; the run is already there. */
  decided(run: WatchedRun, events: readonly RunEvent[]): void;
  /** An attempt left the queue; `task` is a reference, `name` or `name[3]`. */
  begun(run: WatchedRun, task: string, waitedMs: number): void;
  /** A batch is sent to the journal. The result is called when it is committed, and only then. */
  sent(events: number, runs: number): () => void;
  leaseRenewed(): void;
  /** A sleeping run is in memory again, so long after its time. */
  woken(lateMs: number): void;
  /** A notification arrived from another node. */
  notified(notification: string): void;
  /** Seldom: what an operator reads in the log to know what this node did by itself. */
  noted(fact: Fact): void;
  /**
   * Something failed, and the engine continues: `what` was tried, in constant words, because it is
   * counted by them. `about` is for the log: ids.
   */
  troubled(what: string, error: unknown, about?: object): void;
  /** What the attempt's system learns of the trace; nothing when tracing is off. */
  contextOf?(run: WatchedRun, task: string, attempt: number): TraceContext | undefined;
}

/** What a node did by itself that others may want to know of. */
export type Fact =
  /** The lease is this node's: it works from now on. */
  | { readonly is: 'joined'; readonly name: string; readonly node: number }
  /** The leases of so many other nodes had ended: their runs may be claimed. */
  | { readonly is: 'fenced'; readonly nodes: number }
  /** So many runs of a node that is gone, or without an owner, are this node's now. */
  | { readonly is: 'claimed'; readonly runs: number }
  /** Another process has this node's lease: it may not write any more. */
  | { readonly is: 'lease-lost'; readonly reason: string }
  /** The node stops: its attempts have ended, but for so many that run without it, or were left. */
  | { readonly is: 'drained'; readonly leftAttempts: number }
  /** The database refused for good what a run had decided. */
  | { readonly is: 'append-refused'; readonly run: string; readonly reason: string }
  /** The history of the run cannot be read, or not be continued: it waits for its repair. */
  | { readonly is: 'set-aside'; readonly run: string; readonly reason: string }
  | { readonly is: 'retention-begun'; readonly retention: string }
  | { readonly is: 'retention-ended'; readonly retention: string; readonly runs: number };

export interface LaneReading {
  readonly lane: string;
  readonly active: number;
  readonly limit: number;
  /** Calls that were given up and have not come back. */
  readonly overdue: number;
  readonly queued: number;
}
export interface PoolReading {
  readonly pool: string;
  readonly used: number;
  readonly capacity: number;
}

/** The engine as it is at this moment. */
export interface EngineReadings {
  readonly lanes: readonly LaneReading[];
  readonly pools: readonly PoolReading[];
  /** Runs in memory, by workflow. */
  readonly runs: ReadonlyMap<string, number>;
  readonly mostRuns: number;
  readonly unwrittenEvents: number;
  readonly leaseMs: number;
  /** Anything that `/readyz` complains of; and whether the database is among it. */
  readonly stalled: boolean;
  readonly databaseStalled: boolean;
}
