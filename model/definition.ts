/**
 * The lowered form of a workflow: what the kernel runs.
 *
 * The reader (`language/read.ts`) turns a file into this; everything in it is plain JSON, so a version
 * is stored, fetched and replayed without re-reading the file. Tasks are numbered by their
 * position, edges carry the end that takes them, expressions stay as source text and are
 * compiled once per version by the kernel.
 */
import type { Json, JsonObject } from './json.ts';

/** How a task can end. `forced` is a mark on an end, not an end. */
export const ENDS = ['succeeded', 'warned', 'failed', 'timed-out', 'cancelled', 'skipped'] as const;
export type End = (typeof ENDS)[number];

/**
 * Which end of its source takes an edge.
 * `succeeded` is taken by succeeded and warned; `failed` by failed and timed-out; `done` by every
 * end of work that ran (not by skipped); `branch` by the switch that chose it.
 */
export const EDGE_ENDS = [
  'succeeded',
  'warned',
  'failed',
  'timed-out',
  'cancelled',
  'skipped',
  'done',
  'branch',
] as const;
export type EdgeEnd = (typeof EDGE_ENDS)[number];

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly on: EdgeEnd;
  /** For `on: 'branch'`: the position of the case in the switch. */
  readonly branch?: number;
  /** Drawn by a reference in an expression: it is waited for, but never starts a task by itself. */
  readonly implied?: true;
}

/** Classes of failure; see the connector contract. `failed`: the work ran and ended badly. */
export const ERROR_CLASSES = [
  'failed',
  'transient',
  'rejected',
  'auth',
  'lost',
  'timeout',
  'unknown',
] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];

export interface Retry {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  readonly delayMs: number;
  /** The delay is multiplied by this after each attempt. */
  readonly backoff: number;
  readonly maxDelayMs: number;
  /** Share of the delay that chance may take away, 0 to 1. */
  readonly jitter: number;
  readonly on: readonly ErrorClass[];
}

export type Body =
  | {
      readonly kind: 'action';
      readonly action: string;
      readonly system?: string;
      readonly with: JsonObject;
    }
  | { readonly kind: 'workflow'; readonly workflow: string; readonly inputs: JsonObject }
  | { readonly kind: 'switch'; readonly cases: readonly SwitchCase[] }
  | { readonly kind: 'wait'; readonly forMs?: number; readonly until?: string }
  | {
      readonly kind: 'approve';
      readonly by: readonly string[];
      /** A template: text that may hold `${{ }}`. */
      readonly title: string;
      readonly expiresMs?: number;
      readonly onExpiry: 'approve' | 'reject';
    };

/** `when` is a bare expression; a case without it is `else`. `then` holds task positions. */
export interface SwitchCase {
  readonly when?: string;
  readonly then: readonly number[];
}

export interface TaskDefinition {
  readonly name: string;
  readonly title?: string;
  readonly body: Body;
  /** `all`: starts when every edge is closed and one is taken; `any`: at the first taken edge. */
  readonly join: 'all' | 'any';
  /** One more gate, a bare expression: false skips the task. */
  readonly when?: string;
  /** Maps the task over a list: a bare expression that gives a list, or the list. */
  readonly each?: { readonly items: string | readonly Json[]; readonly parallel: number };
  /** Repeats the action until the expression over `output` holds. */
  readonly until?: { readonly holds: string; readonly everyMs: number; readonly attempts: number };
  /** A bare expression over `output`; true ends the task `warned` instead of `succeeded`. */
  readonly warn?: string;
  readonly retry?: Retry;
  readonly timeoutMs?: number;
  /** Slots held while the task runs, by pool. */
  readonly pools?: Readonly<Record<string, number>>;
}

export interface InputDeclaration {
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array';
  readonly description?: string;
  readonly required: boolean;
  readonly default?: Json;
  readonly enum?: readonly Json[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export interface Definition {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly owner?: string;
  readonly inputs: Readonly<Record<string, InputDeclaration>>;
  readonly tasks: readonly TaskDefinition[];
  readonly edges: readonly Edge[];
  readonly timeoutMs?: number;
  /** Capacity of the pools that this workflow declares. */
  readonly pools: Readonly<Record<string, number>>;
  /** Outputs of the run: templates over tasks and inputs, rendered when it ends well. */
  readonly outputs?: JsonObject;
}
