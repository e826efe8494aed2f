/**
 * A task that runs another workflow. The child's id stands in the task's start, so a crash between
 * the two starts finds it again; the child's end comes back as a report about this attempt.
 */
import { definitionOf, nodeAt } from '../kernel/nodes.ts';
import { scopeOf, templateOf } from '../kernel/scope.ts';
import { ExpressionError } from '../model/expression.ts';
import type { JsonObject } from '../model/json.ts';
import type { ParentTask, Refusal, StartRun } from '../model/run.ts';
import type { Follow } from '../kernel/plan.ts';
import type { Desk } from './desk.ts';
import type { Flight } from './flight.ts';
import { fail } from './outcome.ts';

export interface Nursery {
  newRun(): string;
  /** Starts the child unless it is there; if it has ended, its parent is told again. */
  start(command: StartRun): Promise<Refusal | undefined>;
  cancel(child: string): Promise<void>;
}

export async function runChild(
  flight: Flight,
  desk: Desk,
  nursery: Nursery,
  recovered: Follow | undefined,
): Promise<void> {
  const startedAt = recovered?.startedAt ?? flight.since;
  const node = nodeAt(flight.run.state, flight.node);
  const body = definitionOf(flight.run.state, node).body;
  if (body.kind !== 'workflow') return;
  const child = recovered?.child ?? nursery.newRun();
  let inputs: JsonObject;
  try {
    const template = templateOf(body.inputs);
    inputs = template.render(scopeOf(flight.run.state, template.tasks, node)) as JsonObject;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const failure = {
      class: 'rejected',
      code: 'expression.failed',
      message: error.message,
    } as const;
    await fail(flight, desk, { failure, startedAt });
    return;
  }
  const { run, task, attempt } = flight;
  if (recovered === undefined) {
    const durable = await desk.report(flight, {
      type: 'StartTask',
      run: run.id,
      task,
      attempt,
      child,
    });
    if (!durable) {
      desk.abandon(flight);
      return;
    }
  }
  const refused = await nursery.start({
    type: 'StartRun',
    run: child,
    workflow: body.workflow,
    inputs,
    ...(run.state.businessDate !== undefined && { businessDate: run.state.businessDate }),
    parent: parentOf(flight),
    by: { actor: 'tutti', reason: `task "${task}" of run ${run.id}` },
  });
  if (refused !== undefined) {
    const failure = { class: 'rejected', code: refused.code, message: refused.message } as const;
    await fail(flight, desk, { failure, startedAt });
    return;
  }
  if (flight.stop === 'cancel' || recovered?.cancel === true) await nursery.cancel(child);
}

function parentOf({ run, task, attempt }: Flight): ParentTask {
  const above = run.state.parent;
  const root = above?.root ?? above?.run;
  return { run: run.id, task, attempt, ...(root !== undefined && { root }) };
}
