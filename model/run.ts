/**
 * The life of a run in words: the commands that ask, the events that record, the states that
 * result. Commands are imperative, events past participle, in pairs.
 *
 * An event is a row of the journal, so its fields are few and short. `task` is a reference:
 * the task's name, or `name[3]` for the fourth item of a mapped task. Times are milliseconds
 * since the epoch, UTC.
 */
import type { End, ErrorClass } from './definition.ts';
import type { AbovePreview, ParentTask, ParentTold, TellParent } from './family.ts';
import type { Gate } from './gate.ts';
import type { Json, JsonObject } from './json.ts';

export type { ParentTask } from './family.ts';
export type { Gate } from './gate.ts';

/** Who asks, and why. */
export interface By {
  readonly actor: string;
  readonly reason?: string;
  /** The request or bulk command that it came with: a repeated one finds what it did by this. */
  readonly request?: string;
  /**
   * How the API knows the actor. `token`: whoever holds the token of a data folder names who acts;
   * `session`: a browser, under the name that its link was made for; `job`: a job of the run.
   */
  readonly through?: 'token' | 'session' | 'job';
}

/** What went wrong with an attempt. Never holds a secret. */
export interface Failure {
  readonly class: ErrorClass;
  /** A code of the catalogue (`errors.ts`), or the connector's own, e.g. `shell.exit`. */
  readonly code: string;
  readonly message: string;
  /** The system's own words: exit code, HTTP status, SQL state, return code. */
  readonly native?: Json;
}

// ---------------------------------------------------------------- commands

export interface StartRun {
  readonly type: 'StartRun';
  readonly run: string;
  readonly workflow: string;
  /** The newest version when absent. */
  readonly version?: number;
  readonly inputs: JsonObject;
  /** At most one run of a workflow has this key. */
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
export interface SteerRun extends TaskCommand {
  readonly type: 'SteerRun';
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
  /** Go on with this version of the workflow. */
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
  | SteerRun
  | DecideApproval
  | RestartRun;

/** Says a child to its parent's task: I go on again, wait for my end. `by`: whoever let it go on. */
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
export interface LoseTask extends AttemptCommand {
  readonly type: 'LoseTask';
  readonly failure: Failure;
}
/** It can be asked again. */
export interface FindTask extends AttemptCommand {
  readonly type: 'FindTask';
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
  | LoseTask
  | FindTask
  | ConfirmCancel
  | WakeTask
  | WakeRun
  | TellParent;

export type Command = StartRun | DoorCommand | AttemptReport;

// ---------------------------------------------------------------- events

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
  readonly by: By /** Why it is being cancelled when nobody asked. */;
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
/** The intent: durable before anything leaves the house. */
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
export interface TaskLost {
  readonly type: 'TaskLost';
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
  readonly failure: Failure;
}
export interface TaskFound {
  readonly type: 'TaskFound';
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
/** The child run of an attempt that had failed goes on again: the attempt waits for its end. */
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
export interface TaskSkipped {
  readonly type: 'TaskSkipped';
  readonly at: number;
  readonly task: string;
  /** `edges`: none was taken; `when`: its condition is false; `operator`: dependents proceed as if it had succeeded. */
  readonly because: 'edges' | 'when' | 'operator';
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
  | TaskLost
  | TaskFound
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

// ---------------------------------------------------------------- states

export const RUN_ENDS = ['succeeded', 'failed', 'timed-out', 'cancelled'] as const;
export type RunEnd = (typeof RUN_ENDS)[number];
export const RUN_STATUSES = ['running', 'held', 'cancelling', ...RUN_ENDS] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const ALIVE = [
  'waiting',
  'held',
  'queued',
  'running',
  'retrying',
  'deciding',
  'unknown',
] as const;
export type Alive = (typeof ALIVE)[number];
export type TaskStatus = Alive | End;

/** A task of a run as people see it. */
export interface TaskView {
  readonly task: string;
  readonly title?: string;
  readonly kind: string;
  readonly status: TaskStatus;
  readonly attempt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly output?: Json;
  readonly failure?: Failure;
  readonly job?: Json;
  readonly child?: string;
  readonly branch?: number;
  readonly values?: JsonObject;
  readonly because?: TaskSkipped['because'];
  readonly forced?: By;
  readonly items?: { readonly total: number; readonly ended: number; readonly failed: number };
  /** Names of the tasks it follows. */
  readonly needs: readonly string[];
  /** Why it waits; empty once it has ended. */
  readonly gates: readonly Gate[];
}

export interface RunSummary {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly status: RunStatus;
  readonly key?: string;
  readonly businessDate?: string;
  readonly parent?: ParentTask;
  readonly by: By;
  readonly createdAt: number;
  readonly endedAt?: number;
  /** Counts of task ends; live for a run that is going on. */
  readonly tasks: { readonly total: number; readonly ended: number; readonly failed: number };
  /** Its history cannot be read or written: why, in a sentence. Nothing is done with it any more. */
  readonly aside?: string;
}

export interface RunView extends RunSummary {
  readonly title?: string;
  readonly inputs: JsonObject;
  readonly output?: Json;
  readonly failure?: Failure;
  readonly held?: By;
  readonly taskViews: readonly TaskView[];
  readonly next?: string;
}

/** What a restart would do, before it does it. */
export interface RestartPreview {
  readonly keeps: readonly string[];
  readonly runsAgain: readonly string[];
  readonly version: number;
  /** For a child run that has ended: what the runs above do, the nearest first. */
  readonly above?: readonly AbovePreview[];
}

/** What is wrong with a run that is set aside, and what was, or would be, done about it. */
export interface Repair {
  readonly run: string;
  /** Why it was set aside. */
  readonly reason: string;
  /** `resumed`: its history can be read, it goes on; `ended`: it cannot, the run ends as failed. */
  readonly outcome: 'resumed' | 'ended';
  readonly words: string;
}

/** A command that was not carried out, and why: data, not an exception. */
export interface Refusal {
  readonly refused: true;
  readonly code: string;
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
}
