/** A node's status in the words that people read. */
import type { TaskStatus } from '../../model/run.ts';
import { isHeld } from './nodes.ts';
import type { Node, RunState } from './state.ts';

export function statusOf(state: RunState, node: Node): TaskStatus {
  const status = node.status;
  switch (status.name) {
    case 'ended':
      return status.end;
    case 'queued':
      return isHeld(state, node) ? 'held' : 'queued';
    case 'waiting':
      return node.hold === undefined ? 'waiting' : 'held';
    case 'running':
    case 'unknown':
    case 'retrying':
    case 'deciding':
      return status.name;
  }
}
