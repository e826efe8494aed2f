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
import type { Desk } from './desk.ts';
import type { Flight } from '../runs/flight.ts';
import { confirmCancel, fail } from './outcome.ts';

export interface Nursery {
  newRun(): string;
  /** Whether the child is there already; if it has ended, its parent is told again. */
  isThere(child: string): Promise<boolean>;
  /** The nearest run above that is being cancelled, the flight's own included. */
  cancelledAbove(): Promise<string | null>;
  /** The workflows above, from the top, the flight's own last. */
  line(): Promise<readonly string[]>;
  start(command: StartRun): Promise<Refusal | undefined>;
  cancel(child: string): Promise<void>;
}

type Prepared = { readonly workflow: string; readonly inputs: JsonObject };

export async function runChild(
  flight: Flight,
  desk: Desk,
  nursery: Nursery,
  recovered: Follow | undefined,
): Promise<void> {
  const startedAt = recovered?.startedAt ?? flight.since;
  if (recovered?.child !== undefined && (await nursery.isThere(recovered.child))) {
    if (recovered.cancel) await nursery.cancel(recovered.child);
    return;
  }
  const { body } = taskOf(flight.run.state, flight.node);
  if (body.kind !== 'workflow') return;
  const prepared = await prepare(flight, body, nursery);
  if ('class' in prepared) {
    await fail(flight, desk, { failure: prepared, startedAt });
    return;
  }
  const child = recovered?.child ?? nursery.newRun();
  if (recovered === undefined && !(await intend(flight, desk, child))) return;
  if ((await nursery.cancelledAbove()) !== null) {
    await confirmCancel(flight, desk, startedAt);
    return;
  }
  const refused = await nursery.start(startOf(flight, child, prepared));
  if (refused !== undefined) {
    const failure = { class: 'rejected', code: refused.code, message: refused.message } as const;
    await fail(flight, desk, { failure, startedAt });
    return;
  }
  if (flight.stop === 'cancel') await nursery.cancel(child);
}

async function prepare(
  flight: Flight,
  body: Extract<Body, { kind: 'workflow' }>,
  nursery: Nursery,
): Promise<Prepared | Failure> {
  const { state } = flight.run;
  const { workflow } = body;
  if (depthOf(state.parent) >= CHILD_DEPTH) {
    const above = shortened(await nursery.line()).join(' → ');
    const message = `"${workflow}" would have more than ${CHILD_DEPTH} runs above it: ${above} → ${workflow}`;
    return { class: 'rejected', code: 'child.too-deep', message };
  }
  const given = inputOf(state, flight.node);
  return 'class' in given ? given : { workflow, inputs: given.value as JsonObject };
}

/** The two ends of a long line. */
function shortened(line: readonly string[]): readonly string[] {
  return line.length <= 8 ? line : [...line.slice(0, 4), '…', ...line.slice(-4)];
}

/** The child's id is durable before the child is. */
async function intend(flight: Flight, desk: Desk, child: string): Promise<boolean> {
  const { run, task, attempt } = flight;
  const start = { type: 'StartTask', run: run.id, task, attempt, child } as const;
  const durable = await desk.report(flight, start);
  if (!durable) desk.abandon(flight);
  return durable;
}

function startOf(flight: Flight, child: string, { workflow, inputs }: Prepared): StartRun {
  const { run, task } = flight;
  const { businessDate } = run.state;
  return {
    type: 'StartRun',
    run: child,
    workflow,
    inputs,
    ...(businessDate !== undefined && { businessDate }),
    parent: parentOf(flight),
    by: { actor: ENGINE, reason: `task "${task}" of run ${run.id}` },
  };
}

function parentOf({ run, task, attempt }: Flight): ParentTask {
  const above = run.state.parent;
  if (above === undefined) return { run: run.id, task, attempt };
  return { run: run.id, task, attempt, root: above.root ?? above.run, depth: depthOf(above) + 1 };
}
