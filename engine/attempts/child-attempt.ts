/**
 * A task that runs another workflow. The child's id stands in the task's start, so a crash between
 * the two starts finds it again; the child's end comes back as a report about this attempt.
 *
 * Two things bound a family: no child has more than `CHILD_DEPTH` runs above it, and none is begun
 * below a run that is being cancelled, or the cancellation would run behind its children without end.
 */
import { inputOf, taskOf } from '../../kernel/run/machine.ts';
import { ENGINE } from '../../model/actor.ts';
import type { JsonObject } from '../../model/json.ts';
import { CHILD_DEPTH, depthOf } from '../../model/family.ts';
import type { Failure, ParentTask, StartRun } from '../../model/run.ts';
import type { Body } from '../../model/definition.ts';
import type { AttemptServices } from './attempt-services.ts';
import type { ChildRuns } from './child-runs.ts';
import type { Attempt } from '../runs/live-run.ts';
import { confirmCancel, fail } from './reports.ts';

type Prepared = { readonly workflow: string; readonly inputs: JsonObject };

export async function runChild(
  attempt: Attempt,
  services: AttemptServices,
  children: ChildRuns,
): Promise<void> {
  const { recovered } = attempt;
  const startedAt = recovered?.startedAt ?? attempt.since;
  if (recovered?.child !== undefined && (await children.isThere(recovered.child, attempt))) {
    if (recovered.cancel) await children.cancel(recovered.child, attempt);
    return;
  }
  const { body } = taskOf(attempt.run.state, attempt.node);
  if (body.kind !== 'workflow') return;
  const prepared = await prepare(attempt, body, children);
  if ('class' in prepared) {
    await fail(attempt, services, { failure: prepared, startedAt });
    return;
  }
  const child = recovered?.child ?? children.newRun();
  if (recovered === undefined && !(await intend(attempt, services, child))) return;
  if ((await children.cancelledAbove(attempt)) !== null) {
    await confirmCancel(attempt, services, startedAt);
    return;
  }
  const refused = await children.start(startOf(attempt, child, prepared));
  if (refused !== undefined) {
    const failure = { class: 'rejected', code: refused.code, message: refused.message } as const;
    await fail(attempt, services, { failure, startedAt });
    return;
  }
  if (attempt.stop === 'cancel') await children.cancel(child, attempt);
}

async function prepare(
  attempt: Attempt,
  body: Extract<Body, { kind: 'workflow' }>,
  children: ChildRuns,
): Promise<Prepared | Failure> {
  const { state } = attempt.run;
  const { workflow } = body;
  if (depthOf(state.parent) >= CHILD_DEPTH) {
    const above = shortened(await children.workflowsAbove(attempt)).join(' → ');
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
