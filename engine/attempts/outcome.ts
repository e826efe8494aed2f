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
import type { Desk } from './desk.ts';
import { type Flight, isLeft } from '../runs/flight.ts';

const MOST_MESSAGE_CHARACTERS = 20_000;

/** An attempt that is ready to leave the house, or may have left it already. */
export interface Underway {
  readonly flight: Flight;
  readonly desk: Desk;
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
  private readonly flight: Flight;
  private readonly desk: Desk;

  constructor(flight: Flight, desk: Desk, config: unknown) {
    this.flight = flight;
    this.desk = desk;
    this.config = config;
  }

  get key(): string {
    return this.flight.key;
  }
  get operation(): string {
    const { run, node, task, attempt } = this.flight;
    // Attempts are counted on and on, failures from the last round or rerun.
    return `${run.id}:${task}:${attempt - (run.state.nodes[node]?.failures ?? 0)}`;
  }
  get run(): string {
    return this.flight.run.id;
  }
  get task(): string {
    return this.flight.task;
  }
  get attempt(): number {
    return this.flight.attempt;
  }
  get directory(): string {
    return this.flight.run.directory;
  }
  get stateDirectory(): string {
    return this.desk.stateDirectory;
  }
  get elsewhere(): boolean {
    const began = this.flight.recovered?.place;
    return began !== undefined && began !== this.desk.place;
  }
  get signal(): AbortSignal {
    return this.flight.signal;
  }
  mayLeave(): true | Promise<boolean> {
    return this.desk.mayLeave();
  }
  redact(text: string): string {
    return this.desk.redactor?.text(text) ?? text;
  }
  get trace(): TraceContext | undefined {
    return this.desk.trace(this.flight);
  }
  get token(): string | undefined {
    return this.desk.token(this.flight);
  }
  log(stream: LogStream, text: string): void {
    this.desk.logs.write(this.flight, { stream, text });
  }
}

export function contextOf(flight: Flight, desk: Desk, config: unknown): ActionContext {
  return new AttemptContext(flight, desk, config);
}

/** Nothing that comes from outside is kept before secrets are blacked out of it. */
function clean(desk: Desk, value: Json): Json {
  return desk.redactor === undefined ? value : desk.redactor.value(value);
}

/** Ends the attempt well, unless its output is too large to be one. */
export function succeed(underway: Underway, output: unknown): Promise<boolean> {
  const { flight, desk, startedAt } = underway;
  const json = (output ?? null) as Json;
  const failure = isSmall(json) ? undefined : outputFailure(json);
  if (failure !== undefined) return fail(flight, desk, { failure, startedAt });
  const { run, task, attempt } = flight;
  return conclude(flight, desk, {
    type: 'CompleteTask',
    run: run.id,
    task,
    attempt,
    output: clean(desk, json),
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
function conclude(flight: Flight, desk: Desk, command: AttemptReport): Promise<boolean> {
  desk.done(flight);
  const writing = desk.logs.finish(flight);
  if (writing === undefined) return desk.report(flight, command);
  return writing.then(() => desk.report(flight, command));
}

/**
 * The same for an exchange that is over: nobody waits until its end is durable, so where it has no
 * log to write and a small output it costs no promise.
 */
export function deliver(underway: Underway, output: unknown): Promise<boolean> | undefined {
  const { flight, desk, startedAt } = underway;
  const raw = (output ?? null) as Json;
  if (!isSmall(raw) || desk.logs.finish(flight) !== undefined) return succeed(underway, output);
  const { run, task, attempt } = flight;
  const json = clean(desk, raw);
  desk.done(flight);
  desk.tell(flight, { type: 'CompleteTask', run: run.id, task, attempt, output: json, startedAt });
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
  flight: Flight,
  desk: Desk,
  end: {
    readonly failure: Failure;
    readonly startedAt: number;
    readonly output?: Json;
    readonly retryAfterMs?: number;
  },
): Promise<boolean> {
  const { run, task, attempt } = flight;
  return conclude(flight, desk, {
    type: 'FailTask',
    run: run.id,
    task,
    attempt,
    failure: failureKept(end.failure, desk),
    startedAt: end.startedAt,
    ...(end.output !== undefined &&
      outputFailure(end.output) === undefined && { output: clean(desk, end.output) }),
    ...(end.retryAfterMs !== undefined && { retryAfterMs: end.retryAfterMs }),
  });
}

export function failWith(underway: Underway, error: ActionFailure): Promise<boolean> {
  return fail(underway.flight, underway.desk, {
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
function failureKept({ native, message, ...rest }: Failure, desk: Desk): Failure {
  const words = (desk.redactor?.text(message) ?? message).slice(0, MOST_MESSAGE_CHARACTERS);
  const kept = { ...rest, message: words.replaceAll('\0', '\ufffd').toWellFormed() };
  if (native === undefined || outputFailure(native) !== undefined) return kept;
  return { ...kept, native: clean(desk, native) };
}

/** The system stopped the work: its timeout or the run's cancellation is confirmed. */
export function confirm({ flight, desk, startedAt }: Underway): Promise<boolean> {
  return confirmCancel(flight, desk, startedAt);
}

export function confirmCancel(flight: Flight, desk: Desk, startedAt: number): Promise<boolean> {
  const { run, task, attempt } = flight;
  return conclude(flight, desk, { type: 'ConfirmCancel', run: run.id, task, attempt, startedAt });
}

/** The outcome cannot be told: the task is unknown until the system answers or a person decides. */
export function lose(underway: Underway, error: ActionFailure): Promise<boolean> {
  const { flight, desk } = underway;
  const { run, task, attempt } = flight;
  const failure = failureKept(plain(error), desk);
  return desk.report(flight, { type: 'LoseTask', run: run.id, task, attempt, failure });
}

export function find(underway: Underway): void {
  const { run, task, attempt } = underway.flight;
  underway.desk.tell(underway.flight, { type: 'FindTask', run: run.id, task, attempt });
}

/** Waits, unless the attempt is to stop or is poked, or one of `early` comes first. */
export async function pause(
  underway: Underway,
  delayMs: number,
  ...early: Promise<unknown>[]
): Promise<void> {
  const { clock } = underway.desk;
  const tidy: (() => void)[] = [];
  const over = new Promise<void>((resolve) => {
    tidy.push(clock.after(delayMs, resolve), underway.flight.onPoke(resolve));
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
  { flight, desk }: Underway,
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
      if (flight.stop === undefined) return;
      if (isLeft(flight.stop)) give(0);
      else if (graceMs < ms) tidy.push(desk.clock.after(graceMs, () => give(graceMs)));
    };
    tidy.push(
      desk.clock.after(ms, () => give(ms)),
      flight.onPoke(look),
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
