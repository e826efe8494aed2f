/**
 * One attempt of an action, from its input to its outcome.
 *
 *   render `with` → check → (not idempotent: the intent is made durable) → call, or submit and
 *   follow → outcome → the door
 *
 * Law 6, never twice: a non-idempotent attempt that may already have left the house (after a crash
 * or a lost reply) is located by its key first. Only `absent` allows another submission.
 */
import type { Action } from '../../connectors/kit/connector.ts';
import { type Follow, inputOf, taskOf, workOf } from '../../kernel/run/machine.ts';
import type { Body } from '../../model/definition.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Failure } from '../../model/run.ts';
import { callAttempt, settleOverdue } from './call-attempt.ts';
import type { AttemptServices } from './attempt-services.ts';
import type { Attempt } from '../runs/attempt.ts';
import { jobAttempt } from './job-attempt.ts';
import { contextOf, fail, type Underway } from './outcome.ts';

/** Runs the attempt to its end. `recovered`: its intent is durable from before this attempt. */
export function runAction(
  attempt: Attempt,
  services: AttemptServices,
  recovered: Follow | undefined,
): Promise<unknown> {
  const startedAt = recovered?.startedAt ?? attempt.since;
  const prepared = prepare(attempt, services);
  if ('class' in prepared) return fail(attempt, services, { failure: prepared, startedAt });
  const idempotent = isIdempotent(prepared);
  const { action, input, timeoutMs, context } = prepared;
  const underway: Underway = {
    attempt,
    services,
    action,
    input,
    timeoutMs,
    context,
    startedAt,
    idempotent,
    recovered,
  };
  return idempotent && recovered === undefined ? depart(underway) : intend(underway);
}

/** Ends an attempt whose call was asked to stop and does not come back. */
export async function giveUp(attempt: Attempt, services: AttemptServices): Promise<void> {
  const prepared = prepare(attempt, services);
  const work = workOf(attempt.run.state, attempt.node);
  // It has ended by another road.
  if ('class' in prepared || work === undefined || work.attempt !== attempt.number) return;
  const recovered = work.kind === 'follow' ? work : undefined;
  const startedAt = recovered?.startedAt ?? attempt.since;
  const idempotent = isIdempotent(prepared);
  await settleOverdue({ attempt, services, ...prepared, startedAt, idempotent, recovered });
}

/** What may not happen twice leaves the house only when the intent is durable. */
async function intend(underway: Underway): Promise<void> {
  const { attempt, services, recovered, action } = underway;
  if (recovered !== undefined) {
    if (action.does.form === 'call') await services.logs.resume(attempt);
  } else {
    const { run, task, number } = attempt;
    const place =
      services.stateDirectoryId === undefined ? undefined : { place: services.stateDirectoryId };
    const durable = await services.report(attempt, {
      type: 'StartTask',
      run: run.id,
      task,
      attempt: number,
      ...place,
    });
    if (!durable) services.abandon(attempt);
    if (!durable || attempt.isAbandoned) return;
  }
  await depart(underway);
}

function depart(underway: Underway): Promise<void> {
  return underway.action.does.form === 'call' ? callAttempt(underway) : jobAttempt(underway);
}

function isIdempotent(prepared: { readonly action: Action; readonly input: unknown }): boolean {
  const { action, input } = prepared;
  if (action.does.form === 'job') return false;
  return typeof action.idempotent === 'function' ? action.idempotent(input) : action.idempotent;
}

type Prepared = Pick<Underway, 'action' | 'input' | 'timeoutMs' | 'context'>;

function prepare(attempt: Attempt, services: AttemptServices): Prepared | Failure {
  const { state } = attempt.run;
  const { body, timeoutMs } = taskOf(state, attempt.node);
  if (body.kind !== 'action') return rejected('internal', `"${attempt.task}" is not an action`);
  const found = services.action(body.action);
  if (found === undefined) return rejected('action.unknown', `there is no action "${body.action}"`);
  const config = configOf(services, body, found.connector.name);
  if ('class' in config) return config;
  const known = inputs.get(body.with);
  const context = contextOf(attempt, services, config.config);
  if (known?.action === found.action)
    return { action: known.action, input: known.input, timeoutMs, context };
  const extras = { key: attempt.key, number: attempt.number };
  const given = inputOf(state, attempt.node, extras, found.action.addresses);
  if ('class' in given) return given;
  const checked = found.action.input.safeParse(given.value);
  if (!checked.success) {
    const issues = checked.error.issues.map(
      (issue) => `with.${issue.path.join('.')}: ${issue.message}`,
    );
    return rejected('action.input', issues.join('; '));
  }
  const { action } = found;
  const input = checked.data;
  if (given.constant) inputs.set(body.with, { action, input });
  return { action, input, timeoutMs, context };
}

/** Inputs that depend on nothing are checked once per version, not once per attempt. */
const inputs = new WeakMap<JsonObject, { readonly action: Action; readonly input: unknown }>();
const NO_CONFIG = { config: {} };

function configOf(
  services: AttemptServices,
  body: Extract<Body, { kind: 'action' }>,
  kind: string,
): { config: unknown } | Failure {
  if (body.system === undefined) return NO_CONFIG;
  const system = services.systems.get(body.system);
  if (system === undefined) {
    const known = services.systems.names().join(', ');
    return rejected(
      'system.unknown',
      `there is no system "${body.system}"; known: ${known === '' ? 'none' : known}`,
    );
  }
  if (system.kind !== kind) {
    return rejected(
      'system.unknown',
      `system "${body.system}" is of kind ${system.kind}; the action needs ${kind}`,
    );
  }
  if (system.unreachable !== undefined) return rejected('system.unreachable', system.unreachable);
  return { config: system.config };
}

function rejected(code: string, message: string): Failure {
  return { class: 'rejected', code, message };
}
