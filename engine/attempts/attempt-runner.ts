/**
 * One attempt, from its input to its outcome. Of an action:
 *
 *   render `with` → check → (not idempotent: the intent is made durable) → call, or submit and
 *   follow → outcome → the gate of its run
 *
 * Law 6, never twice: a non-idempotent attempt that may already have reached its system (after a
 * crash or a lost reply) is located by its key first. Only `absent` allows another submission.
 */
import type { Action } from '../../connectors/kit/connector.ts';
import { type Follow, inputOf, taskOf, workOf } from '../../kernel/run/machine.ts';
import type { Body } from '../../model/definition.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Failure } from '../../model/run.ts';
import type { Attempt } from '../runs/live-run.ts';
import { AttemptContext } from './attempt-context.ts';
import type { AttemptServices } from './attempt-services.ts';
import { callAttempt, settleOverdue } from './call-attempt.ts';
import { runChild } from './child-attempt.ts';
import type { ChildRuns } from './child-runs.ts';
import { failureOf, plain, rejected } from './failures.ts';
import { jobAttempt } from './job-attempt.ts';
import { CHILD_LANE } from './lanes.ts';
import { fail, reportStart } from './reports.ts';
import type { RunningAttempt } from './running-attempt.ts';

export class AttemptRunner {
  readonly #services: AttemptServices;
  readonly #children: ChildRuns;

  constructor(services: AttemptServices, children: ChildRuns) {
    this.#services = services;
    this.#children = children;
  }

  /** Runs the attempt to its end; of a child run, to its start. */
  run(attempt: Attempt): Promise<unknown> {
    if (attempt.limits.lane !== CHILD_LANE) return runAction(attempt, this.#services);
    attempt.onStop = this.#children.onStop;
    return runChild(attempt, this.#services, this.#children);
  }

  /** Ends an attempt whose call was asked to stop and does not come back. */
  async settleOverdue(attempt: Attempt): Promise<void> {
    const prepared = prepare(attempt, this.#services);
    // It has ended by another road: what happens to its task closes it, or its call came back.
    if ('class' in prepared || !attempt.isOpen) return;
    // While its run is held nothing is due for a call without a durable start: it ends all the same.
    const work = workOf(attempt.run.state, attempt.node);
    const recovered = work?.kind === 'follow' ? work : undefined;
    await settleOverdue(runningOf(attempt, this.#services, prepared, recovered));
  }

  /** A mistake of ours or of a connector: it fails the task, and never takes the engine with it. */
  async fail(attempt: Attempt, error: unknown): Promise<void> {
    const failure = { ...plain(failureOf(error)), class: 'failed' } as const;
    await fail(attempt, this.#services, { failure, startedAt: attempt.since });
  }
}

function runAction(attempt: Attempt, services: AttemptServices): Promise<unknown> {
  const { recovered } = attempt;
  const prepared = prepare(attempt, services);
  if ('class' in prepared) {
    const startedAt = recovered?.startedAt ?? attempt.since;
    return fail(attempt, services, { failure: prepared, startedAt });
  }
  const running = runningOf(attempt, services, prepared, recovered);
  const { idempotent } = running;
  return idempotent && recovered === undefined ? depart(running) : intend(running);
}

function runningOf(
  attempt: Attempt,
  services: AttemptServices,
  prepared: Prepared,
  recovered: Follow | undefined,
): RunningAttempt {
  const { action, input, timeoutMs, context } = prepared;
  const startedAt = recovered?.startedAt ?? attempt.since;
  const idempotent = isIdempotent(prepared);
  return {
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
}

/** The intent of what may not happen twice is durable before it is sent. */
async function intend(running: RunningAttempt): Promise<void> {
  const { attempt, services, recovered, action } = running;
  if (recovered !== undefined) {
    if (action.does.form === 'call') await services.logs.resume(attempt);
  } else {
    const durable = await reportStart(running);
    if (!durable) services.abandon(attempt);
    if (!durable || attempt.isAbandoned) return;
  }
  await depart(running);
}

function depart(running: RunningAttempt): Promise<void> {
  return running.action.does.form === 'call' ? callAttempt(running) : jobAttempt(running);
}

function isIdempotent(prepared: { readonly action: Action; readonly input: unknown }): boolean {
  const { action, input } = prepared;
  if (action.does.form === 'job') return false;
  return typeof action.idempotent === 'function' ? action.idempotent(input) : action.idempotent;
}

type Prepared = Pick<RunningAttempt, 'action' | 'input' | 'timeoutMs' | 'context'>;

function prepare(attempt: Attempt, services: AttemptServices): Prepared | Failure {
  const { state } = attempt.run;
  const { body, timeoutMs } = taskOf(state, attempt.node);
  if (body.kind !== 'action') return rejected('internal', `"${attempt.task}" is not an action`);
  const found = services.action(body.action);
  if (found === undefined) return rejected('action.unknown', `there is no action "${body.action}"`);
  const config = configOf(services, body, found.connector.name);
  if ('class' in config) return config;
  const known = inputs.get(body.with);
  const context = new AttemptContext(attempt, services, config.config);
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

/**
 * Inputs that depend on nothing are checked once per version, not once per attempt. Of the module: as a
 * field of AttemptServices it cost a task of W1 4 to 13 % more processor time.
 */
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
