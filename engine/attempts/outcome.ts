/** How an attempt reports: the context that a connector is given, and the outcomes that it leaves. */
import {
  type Action,
  type ActionContext,
  ActionFailure,
  type LogStream,
  type TraceContext,
} from '../../connectors/kit/connector.ts';
import type { Follow } from '../../kernel/run/machine.ts';
import { OUTPUT_MAX_BYTES } from '../../model/bounds.ts';
import { unwritable } from '../../model/json-text.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import { formatPath } from '../../model/issue.ts';
import { plainJson } from '../../model/plain.ts';
import type { AttemptReport, Failure } from '../../model/run.ts';
import type { AttemptServices } from './attempt-services.ts';
import type { Attempt } from '../runs/attempt.ts';

const MOST_MESSAGE_CHARACTERS = 20_000;

/** An attempt that is ready to leave the house, or may have left it already. */
export interface Underway {
  readonly attempt: Attempt;
  readonly services: AttemptServices;
  readonly action: Action;
  readonly input: unknown;
  /** The task's own, as its attempt was prepared: a restart may number the nodes afresh meanwhile. */
  readonly timeoutMs: number | undefined;
  readonly context: ActionContext;
  readonly startedAt: number;
  readonly idempotent: boolean;
  readonly recovered: Follow | undefined;
}

/** A class, so that an attempt costs one small object; most actions never look at most of it. */
class AttemptContext implements ActionContext {
  readonly config: unknown;
  private readonly about: Attempt;
  private readonly services: AttemptServices;

  constructor(attempt: Attempt, services: AttemptServices, config: unknown) {
    this.about = attempt;
    this.services = services;
    this.config = config;
  }

  get key(): string {
    return this.about.key;
  }
  get operation(): string {
    const { run, node, task, number } = this.about;
    // Attempts are counted on and on, failures from the last round or rerun.
    return `${run.id}:${task}:${number - (run.state.nodes[node]?.failures ?? 0)}`;
  }
  get run(): string {
    return this.about.run.id;
  }
  get task(): string {
    return this.about.task;
  }
  get attempt(): number {
    return this.about.number;
  }
  get directory(): string {
    return this.about.run.directory;
  }
  get stateDirectory(): string {
    return this.services.stateDirectory;
  }
  get elsewhere(): boolean {
    const began = this.about.recovered?.place;
    return began !== undefined && began !== this.services.stateDirectoryId;
  }
  get signal(): AbortSignal {
    return this.about.signal;
  }
  mayLeave(): true | Promise<boolean> {
    return this.services.mayLeave();
  }
  redact(text: string): string {
    return this.services.redactor?.text(text) ?? text;
  }
  get trace(): TraceContext | undefined {
    return this.services.trace(this.about);
  }
  get token(): string | undefined {
    return this.services.token(this.about);
  }
  log(stream: LogStream, text: string): void {
    this.services.logs.write(this.about, { stream, text });
  }
}

export function contextOf(
  attempt: Attempt,
  services: AttemptServices,
  config: unknown,
): ActionContext {
  return new AttemptContext(attempt, services, config);
}

/** Nothing that comes from outside is kept before secrets are blacked out of it. */
function clean(services: AttemptServices, value: Json): Json {
  return services.redactor === undefined ? value : services.redactor.value(value);
}

/** Ends the attempt well, unless its output is too large to be one. */
export function succeed(underway: Underway, output: unknown): Promise<boolean> {
  const { attempt, services, startedAt } = underway;
  const json = (output ?? null) as Json;
  const failure = isSmall(json) ? undefined : outputFailure(json);
  if (failure !== undefined) return fail(attempt, services, { failure, startedAt });
  const { run, task, number } = attempt;
  return conclude(attempt, services, {
    type: 'CompleteTask',
    run: run.id,
    task,
    attempt: number,
    output: clean(services, json),
    startedAt,
  });
}

/** Why the output cannot be kept: it is no JSON that can be written, or too much of it. */
function outputFailure(json: Json): Failure | undefined {
  const issue = plainJson(json, true);
  if (issue !== undefined) {
    const place = issue.path.length === 0 ? '' : ` at ${formatPath(issue.path)}`;
    const message = `the output cannot be kept${place}: it ${issue.message}`;
    return { class: 'rejected', code: 'output.unwritable', message };
  }
  const sizeBytes = Buffer.byteLength(JSON.stringify(json));
  if (sizeBytes <= OUTPUT_MAX_BYTES) return undefined;
  const message = `the output has ${sizeBytes} bytes, at most ${OUTPUT_MAX_BYTES} are kept; write large data to a file or a table and give its address`;
  return { class: 'rejected', code: 'output.too-large', message };
}

/** Resolves when the end of the attempt is durable, after its log: false when nobody wanted it. */
function conclude(
  attempt: Attempt,
  services: AttemptServices,
  command: AttemptReport,
): Promise<boolean> {
  services.finish(attempt);
  const writing = services.logs.finish(attempt);
  if (writing === undefined) return services.report(attempt, command);
  return writing.then(() => services.report(attempt, command));
}

/**
 * The same for an exchange that is over: nobody waits until its end is durable, so where it has no
 * log to write and a small output it costs no promise.
 */
export function deliver(underway: Underway, output: unknown): Promise<boolean> | undefined {
  const { attempt, services, startedAt } = underway;
  const raw = (output ?? null) as Json;
  if (!isSmall(raw) || services.logs.finish(attempt) !== undefined)
    return succeed(underway, output);
  const { run, task, number } = attempt;
  const json = clean(services, raw);
  services.finish(attempt);
  services.tell(attempt, {
    type: 'CompleteTask',
    run: run.id,
    task,
    attempt: number,
    output: json,
    startedAt,
  });
  return undefined;
}

/** Small without a doubt: a few plain fields. Whatever else there is gets measured. */
function isSmall(output: Json): boolean {
  if (isSmallValue(output)) return true;
  if (!isObject(output)) return false;
  let fields = 0;
  for (const name in output) if (++fields > 8 || !isSmallValue(output[name])) return false;
  return true;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSmallValue(value: Json | undefined): boolean {
  if (typeof value === 'string') return value.length < 1_000 && unwritable(value) === undefined;
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'boolean' || value === null || value === undefined;
}

export function fail(
  attempt: Attempt,
  services: AttemptServices,
  end: {
    readonly failure: Failure;
    readonly startedAt: number;
    readonly output?: Json;
    readonly retryAfterMs?: number;
  },
): Promise<boolean> {
  const { run, task, number } = attempt;
  return conclude(attempt, services, {
    type: 'FailTask',
    run: run.id,
    task,
    attempt: number,
    failure: failureKept(end.failure, services),
    startedAt: end.startedAt,
    ...(end.output !== undefined &&
      outputFailure(end.output) === undefined && { output: clean(services, end.output) }),
    ...(end.retryAfterMs !== undefined && { retryAfterMs: end.retryAfterMs }),
  });
}

export function failWith(underway: Underway, error: ActionFailure): Promise<boolean> {
  return fail(underway.attempt, underway.services, {
    failure: plain(error),
    startedAt: underway.startedAt,
    ...(error.output !== undefined && { output: error.output }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  });
}

export function plain(error: ActionFailure): Failure {
  return {
    class: error.class,
    code: error.code,
    message: error.message,
    ...(error.native !== undefined && { native: error.native }),
  };
}

/** The words of a system may hold anything: what is kept of them is text, and not too much. */
function failureKept({ native, message, ...rest }: Failure, services: AttemptServices): Failure {
  const words = (services.redactor?.text(message) ?? message).slice(0, MOST_MESSAGE_CHARACTERS);
  const kept = { ...rest, message: words.replaceAll('\0', '\ufffd').toWellFormed() };
  if (native === undefined || outputFailure(native) !== undefined) return kept;
  return { ...kept, native: clean(services, native) };
}

/** The system stopped the work: its timeout or the run's cancellation is confirmed. */
export function confirm({ attempt, services, startedAt }: Underway): Promise<boolean> {
  return confirmCancel(attempt, services, startedAt);
}

export function confirmCancel(
  attempt: Attempt,
  services: AttemptServices,
  startedAt: number,
): Promise<boolean> {
  const { run, task, number } = attempt;
  return conclude(attempt, services, {
    type: 'ConfirmCancel',
    run: run.id,
    task,
    attempt: number,
    startedAt,
  });
}

/** The outcome cannot be told: the task is unknown until the system answers or a person decides. */
export function lose(underway: Underway, error: ActionFailure): Promise<boolean> {
  const { attempt, services } = underway;
  const { run, task, number } = attempt;
  const failure = failureKept(plain(error), services);
  return services.report(attempt, {
    type: 'LoseTask',
    run: run.id,
    task,
    attempt: number,
    failure,
  });
}

export function find(underway: Underway): void {
  const { run, task, number } = underway.attempt;
  underway.services.tell(underway.attempt, {
    type: 'FindTask',
    run: run.id,
    task,
    attempt: number,
  });
}

/** Waits, unless the attempt is to stop or is poked, or one of `early` comes first. */
export async function pause(
  underway: Underway,
  delayMs: number,
  ...early: Promise<unknown>[]
): Promise<void> {
  const { clock } = underway.services;
  const tidy: (() => void)[] = [];
  const over = new Promise<void>((resolve) => {
    tidy.push(clock.after(delayMs, resolve), underway.attempt.onPoke(resolve));
  });
  try {
    await Promise.race([over, ...early]);
  } finally {
    for (const each of tidy) each();
  }
}

/** A system that says nothing for so long will not: it is asked again. */
const SILENCE_MS = 60_000;

/** The answer to a question, unless it does not come, or nobody here wants it any more. */
export function answerTo<T>(
  { attempt, services }: Underway,
  asking: Promise<T>,
  limit: { readonly ms?: number; readonly graceMs?: number } = {},
): Promise<T> {
  const { ms = SILENCE_MS, graceMs = Infinity } = limit;
  return new Promise((resolve, reject) => {
    const tidy: (() => void)[] = [];
    const over = (): void => {
      for (const each of tidy.splice(0)) each();
    };
    const give = (waitedMs: number): void => {
      over();
      reject(silent(waitedMs));
    };
    const look = (): void => {
      if (attempt.stop === undefined) return;
      if (attempt.isAbandoned) give(0);
      else if (graceMs < ms) tidy.push(services.clock.after(graceMs, () => give(graceMs)));
    };
    tidy.push(
      services.clock.after(ms, () => give(ms)),
      attempt.onPoke(look),
    );
    look();
    asking.then(resolve, reject).finally(over);
  });
}

function silent(waitedMs: number): ActionFailure {
  const message = `the system has not answered for ${Math.round(waitedMs / 1_000)} s`;
  return new ActionFailure({ class: 'unknown', code: 'connector.silent', message });
}

/** An error that is no ActionFailure: the connector's own mistake. Never retried blindly. */
export function failureOf(error: unknown): ActionFailure {
  if (error instanceof ActionFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ActionFailure(
    { class: 'unknown', code: 'connector.error', message },
    { cause: error },
  );
}

/** Reports that end the attempt; the others say how far it is. */
export function isOutcome(command: AttemptReport): boolean {
  return (
    command.type === 'CompleteTask' ||
    command.type === 'FailTask' ||
    command.type === 'ConfirmCancel'
  );
}
