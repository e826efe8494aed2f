/** How an approval ends. */
import type { By, Failure, TaskEnded } from '../../model/run.ts';
import type { Node } from './state.ts';
import { taskEnded } from './task-ended.ts';

/** The end of an approval, by a person or by its expiry. */
export function approvalEnded(
  task: string,
  node: Node,
  decision: 'approve' | 'reject',
  by: By,
  now: number,
): TaskEnded {
  const reason = by.reason === undefined ? '' : `: ${by.reason}`;
  const startedAt = node.status.name === 'deciding' ? node.status.since : undefined;
  const answer = decision === 'approve' ? 'approved' : 'rejected';
  const output = { decision: answer, by: by.actor, reason: by.reason ?? '' };
  const of = { task, attempt: node.attempt };
  if (decision === 'approve') return taskEnded(of, 'succeeded', now, { startedAt, output });
  const message = `rejected by ${by.actor}${reason}`;
  const failure: Failure = { class: 'rejected', code: 'approval.rejected', message };
  return taskEnded(of, 'failed', now, { startedAt, output, failure });
}
