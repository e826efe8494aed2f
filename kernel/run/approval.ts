/** How an approval ends. */
import type { By, TaskEnded } from '../../model/run.ts';
import type { Node } from './state.ts';

/** The end of an approval, by a person or by its expiry. */
export function decided(
  task: string,
  node: Node,
  decision: 'approve' | 'reject',
  by: By,
  now: number,
): TaskEnded {
  const reason = by.reason === undefined ? '' : `: ${by.reason}`;
  return {
    type: 'TaskEnded',
    at: now,
    task,
    attempt: node.attempt,
    end: decision === 'approve' ? 'succeeded' : 'failed',
    ...(node.status.name === 'deciding' && { startedAt: node.status.since }),
    output: {
      decision: decision === 'approve' ? 'approved' : 'rejected',
      by: by.actor,
      reason: by.reason ?? '',
    },
    ...(decision === 'reject' && {
      failure: {
        class: 'rejected' as const,
        code: 'approval.rejected',
        message: `rejected by ${by.actor}${reason}`,
      },
    }),
  };
}
