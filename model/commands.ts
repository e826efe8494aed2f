/**
 * Commands: what is asked of a run. By people and programs at the door, by the runs of its family, and by the
 * engine itself, which reports what came of an attempt. Each has an event that records it (`events.ts`).
 */
import type { By } from './by.ts';
import type { Failure } from './failure.ts';
import type { ParentTask, TellParent } from './family.ts';
import type { Json, JsonObject } from './json.ts';

export interface StartRun {
  readonly type: 'StartRun';
  readonly run: string;
  readonly workflow: string;
  /** The newest version when absent. */
  readonly version?: number;
  readonly inputs: JsonObject;
  /** Key of the run: at most one run of a workflow has this key. */
  readonly key?: string;
  /** YYYY-MM-DD: the day that the work is for. */
  readonly businessDate?: string;
  readonly parent?: ParentTask;
  /** The caller's `traceparent`: the run's trace is linked to it. */
  readonly trace?: string;
  readonly by: By;
}

interface RunCommand {
  readonly run: string;
  readonly by: By;
}
interface TaskCommand extends RunCommand {
  readonly task: string;
}

export interface HoldRun extends RunCommand {
  readonly type: 'HoldRun';
}
export interface ReleaseRun extends RunCommand {
  readonly type: 'ReleaseRun';
}
export interface CancelRun extends RunCommand {
  readonly type: 'CancelRun';
}
export interface HoldTask extends TaskCommand {
  readonly type: 'HoldTask';
}
export interface ReleaseTask extends TaskCommand {
  readonly type: 'ReleaseTask';
}
export interface SkipTask extends TaskCommand {
  readonly type: 'SkipTask';
}
export interface ForceTask extends TaskCommand {
  readonly type: 'ForceTask';
  readonly as: 'succeeded' | 'failed';
  readonly output?: Json;
}
export interface RerunTask extends TaskCommand {
  readonly type: 'RerunTask';
}
export interface SteerTask extends TaskCommand {
  readonly type: 'SteerTask';
  readonly to: string;
}
export interface DecideApproval extends TaskCommand {
  readonly type: 'DecideApproval';
  readonly decision: 'approve' | 'reject';
}
export interface RestartRun extends RunCommand {
  readonly type: 'RestartRun';
  /** From these tasks; from every failure when absent. */
  readonly from?: readonly string[];
  /** Continue with this version of the workflow. */
  readonly version?: number;
  /** With `version`: new name → old name, for tasks that were renamed. */
  readonly mapping?: Readonly<Record<string, string>>;
}
export type OperatorCommand =
  | HoldRun
  | ReleaseRun
  | CancelRun
  | HoldTask
  | ReleaseTask
  | SkipTask
  | ForceTask
  | RerunTask
  | SteerTask
  | DecideApproval
  | RestartRun;

/** Says a child to its parent's task: I continue, wait for my end. `by`: whoever let it continue. */
export interface ReopenTask extends TaskCommand {
  readonly type: 'ReopenTask';
  readonly attempt: number;
  readonly child: string;
}

/** What comes in by the door: of people, and of the runs of a family. */
export type DoorCommand = OperatorCommand | ReopenTask;

// Commands of the engine itself: what came of an attempt.
interface AttemptCommand {
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
}
export interface StartTask extends AttemptCommand {
  readonly type: 'StartTask';
  readonly child?: string;
  /** Where it began: what a connector keeps on disk is found again only there. */
  readonly place?: string;
  /** It is made once more: Tutti ended in the middle of it, and the system has not seen it. */
  readonly again?: true;
}
export interface SubmitTask extends AttemptCommand {
  readonly type: 'SubmitTask';
  readonly job: Json;
}
export interface CompleteTask extends AttemptCommand {
  readonly type: 'CompleteTask';
  readonly output: Json;
  readonly startedAt: number;
}
export interface FailTask extends AttemptCommand {
  readonly type: 'FailTask';
  readonly failure: Failure;
  readonly output?: Json;
  readonly startedAt: number;
  /** The system asked to wait this long before the next attempt. */
  readonly retryAfterMs?: number;
}
/** The system could not be asked: neither failed nor fine. */
export interface MarkUnknown extends AttemptCommand {
  readonly type: 'MarkUnknown';
  readonly failure: Failure;
}
/** It can be asked again. */
export interface ResolveUnknown extends AttemptCommand {
  readonly type: 'ResolveUnknown';
}
/** The system confirmed the cancellation. */
export interface ConfirmCancel extends AttemptCommand {
  readonly type: 'ConfirmCancel';
  readonly startedAt?: number;
}
/** A time of the plan has come: retry delay, wait, approval expiry, task timeout. */
export interface WakeTask extends AttemptCommand {
  readonly type: 'WakeTask';
}
export interface WakeRun {
  readonly type: 'WakeRun';
  readonly run: string;
}
export type AttemptReport =
  | StartTask
  | SubmitTask
  | CompleteTask
  | FailTask
  | MarkUnknown
  | ResolveUnknown
  | ConfirmCancel
  | WakeTask
  | WakeRun
  | TellParent;

export type Command = StartRun | DoorCommand | AttemptReport;
