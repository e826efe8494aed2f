/**
 * THE DOOR, as callers outside the engine see it: the only way in. The API and the CLI hold this and the
 * journal's views, nothing else of the engine.
 */
import type {
  By,
  DoorCommand,
  Refusal,
  Repair,
  RestartPreview,
  RestartRun,
  RunView,
  StartRun,
} from '../model/run.ts';
import type { BulkFilter } from '../journal/bulks.ts';
import type { RetentionRow } from '../journal/retentions.ts';
import type { Problem } from '../model/errors.ts';
import type { BulkVerb } from '../model/bulk.ts';
import type { TaskRange } from '../model/task-range.ts';

export type Accepted = { readonly refused: false; readonly run: string };

export interface DeployRequest {
  readonly source: string;
  /** For messages: the file's name. */
  readonly file?: string;
  /** Absolute folder that relative paths of the workflow start from. */
  readonly directory?: string;
  readonly by: By;
}
export type DeployResult =
  | {
      readonly refused: false;
      readonly workflow: string;
      readonly version: number;
      readonly changed: boolean;
    }
  | {
      readonly refused: false;
      /** The file holds a pool that workflows share. */
      readonly pool: string;
      readonly version: number;
      readonly changed: boolean;
    }
  | { readonly refused: true; readonly problems: readonly Problem[] };

/** `run` may be left to the door, `version` to the newest. Inputs are checked against the version. */
export type StartRequest = Omit<StartRun, 'type' | 'run'> & { readonly run?: string };

/** A command on every run that the filter finds now. */
export interface BulkRequest {
  /** The same id again is the same bulk command. */
  readonly id: string;
  readonly verb: BulkVerb;
  readonly filter: BulkFilter;
  /** Refused when the filter finds another number. */
  readonly expected?: number;
  readonly by: By;
}

/** Deleting what is over. The same id again is the same retention. */
export type RetentionRequest = Pick<RetentionRow, 'id' | 'scope' | 'by'>;

/** The name of the node that passed a command on: it is not passed on again. */
export type Via = string;

/**
 * The door of another node. Errors say what is known: `node.unreachable`: nothing was sent;
 * `command.unanswered`: it was sent, and the answer was lost; others are the node's own.
 */
export interface Peer {
  submit(command: DoorCommand): Promise<Accepted | Refusal>;
  inspect(run: string, range: TaskRange): Promise<RunView | null>;
}

/** What is wanted of runs. */
export interface Commands {
  start(request: StartRequest): Promise<Accepted | Refusal>;
  /** Resolves after commit: what it accepted is durable. */
  submit(command: DoorCommand, via?: Via): Promise<Accepted | Refusal>;
}

/** Questions about one run that only the engine can answer. */
export interface RunQueries {
  /** The run as it is now, with those of its tasks, or all, and the gates of each that is not finished. */
  inspect(run: string, range?: TaskRange, via?: Via): Promise<RunView | null>;
  preview(command: RestartRun): Promise<RestartPreview | Refusal>;
  /** Resolves when the run has events after `seq`, or when `signal` aborts. */
  changed(run: string, seq: number, signal: AbortSignal): Promise<void>;
}

export interface Deployments {
  deploy(request: DeployRequest): Promise<DeployResult>;
}

export interface Repairs {
  /** Repairs what can be repaired of a run that is set aside; `preview` says it, and does nothing. */
  repair(run: string, by: By, preview: boolean): Promise<Repair | Refusal>;
}

export interface Bulks {
  /** Resolves when its runs are noted; they are worked off behind it, also by another node if this one goes. */
  request(request: BulkRequest): Promise<Accepted | Refusal>;
  /** What it has not tried yet is left alone. */
  cancel(id: string): Promise<void>;
}

export interface Retentions {
  /** Resolves when it is noted; it is worked off behind it, also by another node if this one goes. */
  request(request: RetentionRequest): Promise<void>;
}

/** What this node writes, as it writes it. Both are called often: `wake` must be cheap. */
export interface News {
  /** Calls back after every commit of this node. The result ends it. */
  onCommit(wake: () => void): () => void;
  /** Calls back when this node has written events or logs of the run. The result ends it. */
  onWritten(run: string, wake: () => void): () => void;
}

export interface Door {
  readonly commands: Commands;
  readonly runs: RunQueries;
  readonly deployments: Deployments;
  readonly repairs: Repairs;
  readonly bulks: Bulks;
  readonly retentions: Retentions;
  readonly news: News;
  /** What `/readyz` says; empty when all is well. */
  stalls(): readonly string[];
}
