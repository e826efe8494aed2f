/**
 * The contract of a connector: the one surface that strangers program against.
 *
 * A connector is stateless. It reaches a system, answers with an outcome and forgets; what must
 * be remembered (the key, the job, the log cursor) is handed back to it by the engine.
 *
 * An action comes in one of two forms:
 *
 * - `call`: one exchange that ends with an output (an HTTP request, a statement, a file copy).
 * - `job`: work that lives in the system and is followed there (a process, a batch job). It is
 *   submitted under a key, located by that key after a crash or a lost reply, followed by
 *   polling, cancelled in two phases, and its log is read from a cursor.
 *
 * Failures are thrown as `ActionFailure` with a class:
 *   `failed` the work ran and ended badly · `transient` not this time, try again · `rejected`
 *   never retry · `auth` credentials · `lost` the system no longer knows the job · `unknown` the
 *   outcome cannot be told: look up by key, never submit blindly again.
 */
import type { z } from 'zod';
import type { ActionDescription, Addresses } from '../../model/action.ts';
import type { ErrorClass } from '../../model/definition.ts';
import type { Json } from '../../model/json.ts';

export class ActionFailure extends Error {
  readonly class: ErrorClass;
  readonly code: string;
  readonly native: Json | undefined;
  readonly output: Json | undefined;
  /** For `transient`: the system asked to wait this long. */
  readonly retryAfterMs: number | undefined;
  constructor(
    failure: {
      class: ErrorClass;
      code: string;
      message: string;
      native?: Json;
      output?: Json;
      retryAfterMs?: number;
    },
    options?: { cause?: unknown },
  ) {
    super(failure.message, options);
    this.name = 'ActionFailure';
    this.class = failure.class;
    this.code = failure.code;
    this.native = failure.native;
    this.output = failure.output;
    this.retryAfterMs = failure.retryAfterMs;
  }
}

export type LogStream = 'out' | 'err' | 'note';
export interface LogChunk {
  readonly stream: LogStream;
  readonly text: string;
  /** Milliseconds since the epoch, when the connector knows it. */
  readonly at?: number;
}

/** The attempt's place in a trace, as the W3C writes it (https://www.w3.org/TR/trace-context/). */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** What an action is given. `config` is the system's, with secrets resolved; never log it. */
export interface ActionContext<Config = unknown> {
  /** Unique per attempt of a task, and never used again: `<run>:<task>:<attempt>`. */
  readonly key: string;
  /**
   * The same for an attempt and all its automatic retries, another for each round of `until` and
   * when a person reruns the task: what a receiver knows a repetition by. Like `key` in its form.
   */
  readonly operation?: string;
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
  readonly config: Config;
  /** The workflow file's folder, where relative paths start. */
  readonly directory: string;
  /** A folder of this node's where a connector keeps what it must find again (attempt folders). */
  readonly stateDirectory: string;
  /**
   * The attempt began with another state directory, on another node: what is not in this one may
   * well be in that one. A connector that keeps its marks there must not answer `absent` then.
   */
  readonly elsewhere?: boolean;
  /** Aborted when the outcome is no longer wanted: cancelled, timed out, or the node stops. */
  readonly signal: AbortSignal;
  /**
   * Ask at the last moment before a request is sent that may not happen twice: whether
   * this node may still act. A process that stood still between two of its steps may have lost its
   * runs meanwhile. False: it may not, and nothing is to leave.
   */
  mayLeave?(): true | Promise<boolean>;
  /** The text with every secret blacked out: for a text that is to be cut before it is reported. */
  redact?(text: string): string;
  /** Hand it to a system that can continue the trace; absent without tracing. */
  readonly trace?: TraceContext | undefined;
  /**
   * Shown to the API of Tutti (`Authorization: Bearer …`) it lets a job look at its own run, hold,
   * release and cancel it, as long as it is open. A secret; absent where there is no API.
   */
  readonly token?: string | undefined;
  /** Lines for the task's log; kept in order. */
  log(stream: LogStream, text: string): void;
}

/** What the system says of a job. Never guessed: a system that cannot be asked throws `unknown`. */
export type JobState<Output> =
  | { readonly state: 'running'; readonly askAgainMs: number; readonly native?: Json }
  | { readonly state: 'succeeded'; readonly output: Output; readonly native?: Json }
  | { readonly state: 'failed'; readonly failure: ActionFailure; readonly native?: Json }
  /** Ended because it was cancelled: the confirmation. */
  | { readonly state: 'cancelled'; readonly native?: Json };

export interface CallAction<Config, Input, Output> {
  readonly form: 'call';
  call(context: ActionContext<Config>, input: Input): Promise<Output>;
  /**
   * After a crash or a lost reply of a call that is not idempotent: did the call with this key
   * take effect? `absent` allows another submission. Without `locate` the task becomes `unknown`
   * and a person decides.
   */
  locate?(
    context: ActionContext<Config>,
    input: Input,
  ): Promise<{ found: Output } | 'absent' | 'cannot-tell'>;
}

export interface JobAction<Config, Input, Output, Job extends Json = Json> {
  readonly form: 'job';
  /** Submits once per key: a second call with the same key finds the first job. */
  submit(context: ActionContext<Config>, input: Input): Promise<Job>;
  locate(context: ActionContext<Config>, input: Input): Promise<Job | 'absent'>;
  follow(context: ActionContext<Config>, job: Job): Promise<JobState<Output>>;
  /** Asks the system to stop the job; `follow` confirms. `force` when it did not stop in time. */
  cancel?(context: ActionContext<Config>, job: Job, force: boolean): Promise<void>;
  /**
   * Reads the log on from a cursor that an earlier call returned (null: from the start). From the
   * same cursor the same text comes again: what of it was kept before is dropped.
   */
  log?(
    context: ActionContext<Config>,
    job: Job,
    cursor: Json,
  ): Promise<{ chunks: readonly LogChunk[]; cursor: Json; more: boolean }>;
  /** Forgets the job's leftovers once its outcome and log are durable here. */
  cleanUp?(context: ActionContext<Config>, job: Job): Promise<void>;
  /** Resolves when it is worth asking `follow` again before `askAgainMs` is over. */
  wake?(context: ActionContext<Config>, job: Job): Promise<void>;
}

export interface Action<Config = unknown, Input = unknown, Output = unknown>
  extends ActionDescription {
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  /** Fields that are addresses: a value in the midst of one is one part of it, never several. */
  readonly addresses?: Addresses;
  /** Running it twice with one key does no harm: no intent row is needed before it. */
  readonly idempotent: boolean | ((input: Input) => boolean);
  /**
   * It does nothing but wait for something that others do. It takes no place of those who work: it
   * has a lane of its own, in which thousands fit, so waiting must cost next to nothing.
   */
  readonly waits?: boolean;
  readonly does: CallAction<Config, Input, Output> | JobAction<Config, Input, Output>;
}

export interface Connector<Config = unknown> {
  /** The kind in systems.yaml and the first part of its actions' names. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /**
   * What a system of this kind is configured with. Fields with `.meta({ secret: true })` are secrets;
   * in a map with `.meta({ secret: 'headers' })` they are as far as headers can be.
   */
  readonly config: z.ZodType<Config>;
  /** How many of its attempts one node runs at a time. */
  readonly concurrency: number;
  // eslint-disable-next-line typescript/no-explicit-any
  readonly actions: readonly Action<Config, any, any>[];
  /** A node that will run attempts starts: begin here, beside it, what the first would wait for. */
  prepare?(): void;
  /** Said in the manual: what it was verified against. */
  readonly verified: string;
}

/** A connector whose configuration is only known at run time. */
// eslint-disable-next-line typescript/no-explicit-any
export type AnyConnector = Connector<any>;

/** Checks the contract's form and freezes it. Errors here are the connector author's: they throw. */
export function defineConnector<Config>(connector: Connector<Config>): Connector<Config> {
  for (const action of connector.actions) {
    if (!action.name.startsWith(`${connector.name}.`)) {
      throw new Error(`action ${action.name} must begin with "${connector.name}."`);
    }
  }
  return Object.freeze(connector);
}

/** Types an action from its schemas. */
export function defineAction<Config, Input, Output>(
  action: Action<Config, Input, Output>,
): Action<Config, Input, Output> {
  return action;
}
