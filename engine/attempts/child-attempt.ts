/**
 * A task that runs another workflow. The child's id stands in the task's start, so a crash between
 * the two starts finds it again; the child's end comes back as a report about this attempt.
 *
 * Two things bound a family: no child has more than `CHILD_DEPTH` runs above it, and none is begun
 * below a run that is being cancelled, or the cancellation would run behind its children for ever.
 */
import { type Follow, inputOf, taskOf } from '../../kernel/run/machine.ts';
import { ENGINE } from '../../model/actor.ts';
import type { JsonObject } from '../../model/json.ts';
import { CHILD_DEPTH, depthOf } from '../../model/family.ts';
import type { Failure, ParentTask, Refusal, StartRun } from '../../model/run.ts';
import type { Body } from '../../model/definition.ts';
import type { AttemptServices } from './attempt-services.ts';
import type { Attempt } from '../runs/attempt.ts';
import { confirmCancel, fail } from './outcome.ts';

export interface Nursery {
  newRun(): string;
  /** Whether the child is there already; if it has ended, its parent is told again. */
  isThere(child: string): Promise<boolean>;
  /** The nearest run above that is being cancelled, the attempt's own included. */
  cancelledAbove(): Promise<string | null>;
  /** The workflows above, from the top, the attempt's own last. */
  line(): Promise<readonly string[]>;
  start(command: StartRun): Promise<Refusal | undefined>;
  cancel(child: string): Promise<void>;
}

type Prepared = { readonly workflow: string; readonly inputs: JsonObject };

export async function runChild(
  attempt: Attempt,
  services: AttemptServices,
  nursery: Nursery,
  recovered: Follow | undefined,
): Promise<void> {
  const startedAt = recovered?.startedAt ?? attempt.since;
  if (recovered?.child !== undefined && (await nursery.isThere(recovered.child))) {
    if (recovered.cancel) await nursery.cancel(recovered.child);
    return;
  }
  const { body } = taskOf(attempt.run.state, attempt.node);
  if (body.kind !== 'workflow') return;
  const prepared = await prepare(attempt, body, nursery);
  if ('class' in prepared) {
    await fail(attempt, services, { failure: prepared, startedAt });
    return;
  }
  const child = recovered?.child ?? nursery.newRun();
  if (recovered === undefined && !(await intend(attempt, services, child))) return;
  if ((await nursery.cancelledAbove()) !== null) {
    await confirmCancel(attempt, services, startedAt);
    return;
  }
  const refused = await nursery.start(startOf(attempt, child, prepared));
  if (refused !== undefined) {
    const failure = { class: 'rejected', code: refused.code, message: refused.message } as const;
    await fail(attempt, services, { failure, startedAt });
    return;
  }
  if (attempt.stop === 'cancel') await nursery.cancel(child);
}

async function prepare(
  attempt: Attempt,
  body: Extract<Body, { kind: 'workflow' }>,
  nursery: Nursery,
): Promise<Prepared | Failure> {
  const { state } = attempt.run;
  const { workflow } = body;
  if (depthOf(state.parent) >= CHILD_DEPTH) {
    const above = shortened(await nursery.line()).join(' → ');
    const message = `"${workflow}" would have more than ${CHILD_DEPTH} runs above it: ${above} → ${workflow}`;
    return { class: 'rejected', code: 'child.too-deep', message };
  }
  const given = inputOf(state, attempt.node);
  return 'class' in given ? given : { workflow, inputs: given.value as JsonObject };
}

/** The two ends of a long line. */
function shortened(line: readonly string[]): readonly string[] {
  return line.length <= 8 ? line : [...line.slice(0, 4), '…', ...line.slice(-4)];
}

/** The child's id is durable before the child is. */
async function intend(
  attempt: Attempt,
  services: AttemptServices,
  child: string,
): Promise<boolean> {
  const { run, task, number } = attempt;
  const start = { type: 'StartTask', run: run.id, task, attempt: number, child } as const;
  const durable = await services.report(attempt, start);
  if (!durable) services.abandon(attempt);
  return durable;
}

function startOf(attempt: Attempt, child: string, { workflow, inputs }: Prepared): StartRun {
  const { run, task } = attempt;
  const { businessDate } = run.state;
  return {
    type: 'StartRun',
    run: child,
    workflow,
    inputs,
    ...(businessDate !== undefined && { businessDate }),
    parent: parentOf(attempt),
    by: { actor: ENGINE, reason: `task "${task}" of run ${run.id}` },
  };
}

function parentOf({ run, task, number }: Attempt): ParentTask {
  const above = run.state.parent;
  if (above === undefined) return { run: run.id, task, attempt: number };
  return {
    run: run.id,
    task,
    attempt: number,
    root: above.root ?? above.run,
    depth: depthOf(above) + 1,
  };
}
