/**
 * What the engine tells whoever watches it: metrics and traces. The calls stand where the facts
 * arise, on the hottest paths too, so they are few, take what is at hand and allocate nothing.
 *
 * An observer must not throw, must not wait, and cannot change anything. What needs no history
 * (queues, limits, pools) is not told but read when somebody looks: `EngineReadings`.
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
  /** What one step of a run decided, on its way to the book; the run is already there. */
  decided(run: WatchedRun, events: readonly RunEvent[]): void;
  /** An attempt left the queue; `task` is a reference, `name` or `name[3]`. */
  begun(run: WatchedRun, task: string, waitedMs: number): void;
  /** A batch leaves for the book. The result is called when it is committed, and only then. */
  sent(events: number, runs: number): () => void;
  leaseRenewed(): void;
  /** A sleeping run is in memory again, so long after its time. */
  woken(lateMs: number): void;
  /** A run was set aside: its history cannot be read or written. */
  setAside(): void;
  /** A notification arrived from another node. */
  notified(notification: string): void;
  /** Runs of a node that is gone, or of nobody, are this node's now. */
  claimed(runs: number): void;
  /** What the attempt's system is told of the trace; nothing when nobody traces. */
  contextOf?(run: WatchedRun, task: string, attempt: number): TraceContext | undefined;
}

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
