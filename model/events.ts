/**
 * Events: what is so, as the journal keeps it. An event is a row, so its fields are few and short. `task`
 * is a reference: the task's name, or `name[3]` for the fourth item of a mapped task. Times are milliseconds
 * since the epoch, UTC.
 */
import type { By } from './by.ts';
import type { End } from './definition.ts';
import type { Failure } from './failure.ts';
import type { ParentTask, ParentTold } from './family.ts';
import type { Json, JsonObject } from './json.ts';
import type { RunEnd } from './status.ts';

export interface RunStarted {
  readonly type: 'RunStarted';
  readonly at: number;
  readonly workflow: string;
  readonly version: number;
  readonly inputs: JsonObject;
  readonly key?: string;
  readonly businessDate?: string;
  readonly parent?: ParentTask;
  readonly trace?: string;
  readonly by: By;
}
export interface RunHeld {
  readonly type: 'RunHeld';
  readonly at: number;
  readonly by: By;
}
export interface RunReleased {
  readonly type: 'RunReleased';
  readonly at: number;
  readonly by: By;
}
export interface RunCancelRequested {
  readonly type: 'RunCancelRequested';
  readonly at: number;
  readonly by: By;
  /** Why it is being cancelled when no person asked. */
  readonly timedOut?: true;
}
export interface RunRestarted {
  readonly type: 'RunRestarted';
  readonly at: number;
  readonly by: By;
  /** Tasks that go back to waiting; everything else is kept. */
  readonly reset: readonly string[];
  readonly version?: number;
  readonly mapping?: Readonly<Record<string, string>>;
}
export interface RunEnded {
  readonly type: 'RunEnded';
  readonly at: number;
  readonly end: RunEnd;
  readonly output?: Json;
  readonly failure?: Failure;
}

export interface TaskHeld {
  readonly type: 'TaskHeld';
  readonly at: number;
  readonly task: string;
  readonly by: By;
}
export interface TaskReleased {
  readonly type: 'TaskReleased';
  readonly at: number;
  readonly task: string;
  readonly by: By;
}
/** The intent: durable before anything leaves the process. */
export interface TaskStarted {
  readonly type: 'TaskStarted';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
  /** The run that a `workflow:` task starts. */
  readonly child?: string;
  /** Where it began: what a connector keeps on disk is found again only there. */
  readonly place?: string;
  /** When a `wait` ends or an approval expires. */
  readonly wakeAt?: number;
  /** How often it was made again, after Tutti had ended in the middle of it. */
  readonly again?: number;
}
export interface TaskSubmitted {
  readonly type: 'TaskSubmitted';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
  readonly job: Json;
}
export interface TaskMarkedUnknown {
  readonly type: 'TaskMarkedUnknown';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
  readonly failure: Failure;
}
export interface TaskResolved {
  readonly type: 'TaskResolved';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
}
export interface TaskCancelRequested {
  readonly type: 'TaskCancelRequested';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
  readonly because: 'timeout' | 'run';
}
/** The attempt failed and another one will follow; or `until` does not hold yet (no failure). */
export interface TaskRetrying {
  readonly type: 'TaskRetrying';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
  readonly nextAt: number;
  readonly failure?: Failure;
  readonly startedAt?: number;
}
export interface TaskWoken {
  readonly type: 'TaskWoken';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
}
/** The child run of an attempt that had failed continues: the attempt waits for its end. */
export interface TaskReopened {
  readonly type: 'TaskReopened';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
  readonly child: string;
  readonly by: By;
}
/** The `when` of a task holds: it may start. `values` is what the condition saw. */
export interface TaskQueued {
  readonly type: 'TaskQueued';
  readonly at: number;
  readonly task: string;
  readonly values: JsonObject;
}
export interface TaskExpanded {
  readonly type: 'TaskExpanded';
  readonly at: number;
  readonly task: string;
  readonly items: readonly Json[];
}
export interface TaskSteered {
  readonly type: 'TaskSteered';
  readonly at: number;
  readonly task: string;
  readonly branch: number;
  readonly by: By;
}
export interface TaskRerun {
  readonly type: 'TaskRerun';
  readonly at: number;
  readonly task: string;
  readonly by: By;
}
export interface TaskEnded {
  readonly type: 'TaskEnded';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
  readonly end: Exclude<End, 'skipped'>;
  readonly startedAt?: number;
  readonly output?: Json;
  readonly failure?: Failure;
  /** The case that a switch took, and the values that its conditions saw. */
  readonly branch?: number;
  readonly values?: JsonObject;
  /** An operator set this end. */
  readonly forced?: By;
}
/** `edges`: none was taken; `when`: its condition is false; `operator`: dependents proceed as if it had succeeded. */
export const SKIP_REASONS = ['edges', 'when', 'operator'] as const;
export interface TaskSkipped {
  readonly type: 'TaskSkipped';
  readonly at: number;
  readonly task: string;
  readonly because: (typeof SKIP_REASONS)[number];
  readonly forced?: By;
  readonly values?: JsonObject;
}
export type RunEvent =
  | RunStarted
  | RunHeld
  | RunReleased
  | RunCancelRequested
  | RunRestarted
  | RunEnded
  | ParentTold
  | TaskHeld
  | TaskReleased
  | TaskStarted
  | TaskSubmitted
  | TaskMarkedUnknown
  | TaskResolved
  | TaskCancelRequested
  | TaskRetrying
  | TaskWoken
  | TaskQueued
  | TaskExpanded
  | TaskSteered
  | TaskRerun
  | TaskReopened
  | TaskEnded
  | TaskSkipped;
