/**
 * The state of one run: what the fold of its events gives.
 *
 * A node is a task inside this run: first one for each task of the definition, at the same
 * position; then, behind them, one for each item of a mapped task. The owner of the run is the
 * only writer, so `evolve` changes the state in place; copying a run of 100,000 tasks for each
 * event would be the cost that law 8 forbids.
 *
 *                      ┌────────────► ended (skipped)
 *   waiting ──► queued ──► running ──► ended
 *                 ▲  │      │   ▲ │
 *                 │  │      ▼   │ └──► retrying ──► queued
 *                 │  └─► deciding  unknown
 *                 └──────────── rerun, restart ──── ended
 *
 * `held` is not a status of its own here: it is what a queued task looks like while its own hold
 * or the run's is set. That way a hold and its release can never lose where a task was.
 */
import type { Definition, End } from '../../model/definition.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import type { By, Failure, ParentTask, RunEnd, TaskSkipped } from '../../model/run.ts';
import type { Graph } from './graph.ts';
import type { CompiledExpressions } from './version.ts';

interface Waiting {
  readonly name: 'waiting';
}
interface Queued {
  readonly name: 'queued';
  readonly attempt: number;
  readonly since: number;
}
export interface Running {
  readonly name: 'running';
  readonly attempt: number;
  readonly startedAt: number;
  readonly job?: Json;
  readonly child?: string;
  readonly place?: string;
  readonly wakeAt?: number;
  readonly cancel?: 'timeout' | 'run';
  readonly again?: number;
}
export interface Unknown extends Omit<Running, 'name'> {
  readonly name: 'unknown';
  readonly since: number;
  readonly failure: Failure;
}
interface Retrying {
  readonly name: 'retrying';
  /** The attempt that is over. */
  readonly attempt: number;
  readonly since: number;
  readonly nextAt: number;
  readonly failure?: Failure;
}
interface Deciding {
  readonly name: 'deciding';
  readonly attempt: number;
  readonly since: number;
  readonly expiresAt?: number;
}
export interface Ended {
  readonly name: 'ended';
  readonly end: End;
  readonly attempt: number;
  readonly startedAt?: number;
  readonly endedAt: number;
  readonly output?: Json;
  readonly failure?: Failure;
  readonly branch?: number;
  readonly values?: JsonObject;
  readonly because?: TaskSkipped['because'];
  readonly forced?: By;
}
export type NodeStatus = Waiting | Queued | Running | Unknown | Retrying | Deciding | Ended;

/** The items of a mapped task. */
interface Items {
  /** The position of the first item's node; the others follow it. */
  readonly first: number;
  readonly values: readonly Json[];
  ended: number;
  failed: number;
  /** Positions that have not been let in yet, the next one last. */
  readonly pending: number[];
}

export interface Node {
  /** The position of its task in the definition. */
  readonly task: number;
  /** For an item of a mapped task: its position in the list, and its parent's node. */
  readonly item?: { readonly position: number; readonly parent: number };
  status: NodeStatus;
  /** Edges to it that are not closed yet, and those that were taken. */
  open: number;
  taken: number;
  /** Its end went along its edges: dependents have been told. */
  closed: boolean;
  /** The highest attempt ever begun: keys are never used twice, whatever is restarted. */
  attempt: number;
  /** Failures in a row and rounds of `until`, since the task was last started afresh. */
  failures: number;
  rounds: number;
  /** What the `when` of the task saw once it held. */
  admitted?: JsonObject;
  hold?: By;
  /** The branch that an operator chose for a switch. */
  steer?: { readonly branch: number; readonly by: By };
  items?: Items;
}

export interface RunState {
  readonly id: string;
  readonly workflow: string;
  version: number;
  definition: Definition;
  graph: Graph;
  expressions: CompiledExpressions;
  readonly inputs: JsonObject;
  readonly key?: string;
  readonly businessDate?: string;
  readonly parent?: ParentTask;
  readonly trace?: string;
  readonly by: By;
  readonly createdAt: number;
  /** When the run's own timeout ends. */
  deadline?: number;
  hold?: By;
  cancel?: { readonly by: By; readonly timedOut: boolean };
  end?: {
    readonly end: RunEnd;
    readonly at: number;
    readonly output?: Json;
    readonly failure?: Failure;
  };
  /** It continues after its end, by this person, and its parent has not heard of it yet. */
  untold?: By;
  nodes: Node[];
  /** By name: the attempts of tasks of earlier versions, so that no key is used twice. */
  readonly spent: Map<string, number>;
  /** Events so far: the next one's number. */
  seq: number;
  /** Nodes that are neither waiting nor ended. */
  alive: number;
  /** Nodes that ended, and those that ended badly and that no task takes. */
  ended: number;
  failed: number;
  /** Nodes that may have something to decide by themselves (`settle`). */
  worklist: number[];
  /** Nodes whose effects may have changed since the engine last looked (`plan`). */
  touched: number[];
}

export const WAITING: Waiting = { name: 'waiting' };
