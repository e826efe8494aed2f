/**
 * A child run that had ended continues, because a person restarted, reran, skipped, forced or
 * steered something in it. Its parent's task takes over how it ends then: the attempt that began the
 * child is open again, and what came after the task waits again, as after a restart from it.
 *
 * It is taken over only while the attempt's failure is the last word on the task: not when another
 * attempt has begun, when a person decided about the task, or when the run was cancelled or timed out.
 */
import type { Refusal, ReopenTask, RunEvent } from '../../model/run.ts';
import type { Decision } from './context.ts';
import { namesOf, withDescendants } from './graph.ts';
import { definitionOf, indexOf, isFailure, nodeAt, underway } from './nodes.ts';
import { refusal } from '../../model/refusal.ts';
import type { Node, RunState } from './state.ts';
import { statusOf } from './status.ts';

export function reopen(state: RunState, command: ReopenTask, now: number): Decision {
  const { task, attempt, child, by } = command;
  const index = indexOf(state, task);
  if (index === undefined) return refusal('task.unknown', `run ${state.id} has no task "${task}"`);
  const node = nodeAt(state, index);
  if (waitsFor(node, command)) return [];
  const refused = whyNot(state, node, command);
  if (refused !== undefined) return refused;
  const after = withDescendants(state.graph, [node.task]);
  after[node.task] = 0;
  const running = underway(state, after);
  if (running !== undefined) {
    return refusal('restart.running', `"${running}" after "${task}" is still running`);
  }
  const reopened: RunEvent = { type: 'TaskReopened', at: now, task, attempt, child, by };
  const begun = after.some((is, each) => is === 1 && nodeAt(state, each).status.name !== 'waiting');
  if (!begun) return [reopened];
  const reset = namesOf(state.graph, after);
  return [reopened, { type: 'RunRestarted', at: now, by, reset }];
}

/** It has been told already. */
function waitsFor({ status }: Node, { attempt, child }: ReopenTask): boolean {
  return status.name === 'running' && status.attempt === attempt && status.child === child;
}

function whyNot(state: RunState, node: Node, { task, attempt }: ReopenTask): Refusal | undefined {
  const { status } = node;
  const isItsEnd = status.name === 'ended' || status.name === 'retrying';
  if (!isItsEnd || status.attempt !== attempt || definitionOf(state, node).body.kind !== 'workflow')
    return refusal('task.stale', `attempt ${attempt} of "${task}" is over`);
  if (state.cancel !== undefined) {
    const how = state.cancel.timedOut ? 'timed out' : 'was cancelled';
    return refusal('run.wrong-status', `run ${state.id} ${how}`);
  }
  if (status.name !== 'ended') return undefined;
  if (status.forced !== undefined)
    return refusal('task.wrong-status', `${status.forced.actor} decided about "${task}"`);
  if (isFailure(status)) return undefined;
  return refusal('task.wrong-status', `"${task}" is ${statusOf(state, node)}`);
}
