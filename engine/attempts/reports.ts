/** What an attempt reports: how far it is, and the outcomes that it leaves. */
import type { ActionFailure } from '../../connectors/kit/connector.ts';
import type { Json } from '../../model/json.ts';
import type { AttemptReport, Failure } from '../../model/run.ts';
import type { Attempt } from '../runs/live-run.ts';
import type { AttemptServices } from './attempt-services.ts';
import { plain } from './failures.ts';
import { failureKept, isSmall, outputFailure, redacted } from './kept.ts';
import type { RunningAttempt } from './running-attempt.ts';

/** Resolves true when it is durable that the attempt is sent from this node. `again`: its system has not seen it. */
export function reportStart(
  { attempt, services }: RunningAttempt,
  again?: { readonly again: true },
): Promise<boolean> {
  const { run, task, number } = attempt;
  const { stateDirectoryId: place } = services;
  return services.report(attempt, {
    type: 'StartTask',
    run: run.id,
    task,
    attempt: number,
    ...again,
    ...(place !== undefined && { place }),
  });
}

/** Ends the attempt well, unless its output is too large to be one. */
export function succeed(running: RunningAttempt, output: unknown): Promise<boolean> {
  const { attempt, services, startedAt } = running;
  const json = (output ?? null) as Json;
  const failure = isSmall(json) ? undefined : outputFailure(json);
  if (failure !== undefined) return fail(attempt, services, { failure, startedAt });
  const { run, task, number } = attempt;
  return end(attempt, services, {
    type: 'CompleteTask',
    run: run.id,
    task,
    attempt: number,
    output: redacted(services.redactor, json),
    startedAt,
  });
}

/** Resolves when the end of the attempt is durable, after its log: false when it was not wanted. */
function end(
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
 * The same for an exchange that is over: no caller waits until its end is durable, so where it has
 * no log to write and a small output it costs no promise.
 */
export function deliver(running: RunningAttempt, output: unknown): Promise<boolean> | undefined {
  const { attempt, services, startedAt } = running;
  const raw = (output ?? null) as Json;
  if (!isSmall(raw) || services.logs.finish(attempt) !== undefined) return succeed(running, output);
  const { run, task, number } = attempt;
  const json = redacted(services.redactor, raw);
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

interface FailedEnd {
  readonly failure: Failure;
  readonly startedAt: number;
  readonly output?: Json;
  readonly retryAfterMs?: number;
}

export function fail(
  attempt: Attempt,
  services: AttemptServices,
  { failure, startedAt, output, retryAfterMs }: FailedEnd,
): Promise<boolean> {
  const { run, task, number } = attempt;
  const { redactor } = services;
  const isKept = output !== undefined && outputFailure(output) === undefined;
  return end(attempt, services, {
    type: 'FailTask',
    run: run.id,
    task,
    attempt: number,
    failure: failureKept(failure, redactor),
    startedAt,
    ...(isKept && { output: redacted(redactor, output) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

export function failWith(running: RunningAttempt, error: ActionFailure): Promise<boolean> {
  return fail(running.attempt, running.services, {
    failure: plain(error),
    startedAt: running.startedAt,
    ...(error.output !== undefined && { output: error.output }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  });
}

/** The system stopped the work: its timeout or the run's cancellation is confirmed. */
export function confirm({ attempt, services, startedAt }: RunningAttempt): Promise<boolean> {
  return confirmCancel(attempt, services, startedAt);
}

export function confirmCancel(
  attempt: Attempt,
  services: AttemptServices,
  startedAt: number,
): Promise<boolean> {
  const { run, task, number } = attempt;
  return end(attempt, services, {
    type: 'ConfirmCancel',
    run: run.id,
    task,
    attempt: number,
    startedAt,
  });
}

/** The outcome cannot be told: the task is unknown until the system answers or a person decides. */
export function markUnknown(
  { attempt, services }: RunningAttempt,
  error: ActionFailure,
): Promise<boolean> {
  const { run, task, number } = attempt;
  const failure = failureKept(plain(error), services.redactor);
  return services.report(attempt, {
    type: 'MarkUnknown',
    run: run.id,
    task,
    attempt: number,
    failure,
  });
}

/** The system answers again about an attempt that was unknown. */
export function resolveUnknown({ attempt, services }: RunningAttempt): void {
  const { run, task, number } = attempt;
  services.tell(attempt, { type: 'ResolveUnknown', run: run.id, task, attempt: number });
}
