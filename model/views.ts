/** Views: a run and its tasks as people see them, and what a command would do. */
import type { By } from './by.ts';
import type { TaskSkipped } from './events.ts';
import type { Failure } from './failure.ts';
import type { AbovePreview, ParentTask } from './family.ts';
import type { Gate } from './gate.ts';
import type { Json, JsonObject } from './json.ts';
import type { RunStatus, TaskStatus } from './status.ts';

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
  /** Why it was skipped by the workflow, in a sentence. */
  readonly skipReason?: string;
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
  /** Counts of task ends; live for a run that is open. */
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
  /** `resumed`: its history can be read, it continues; `ended`: it cannot, the run ends as failed. */
  readonly outcome: 'resumed' | 'ended';
  readonly message: string;
}
