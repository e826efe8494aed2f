/** Where a run comes from and what it is for: from its start into its first event, and from there into its state. */
import type { StartRun } from '../../model/run.ts';
import type { Mutable } from '../../model/mutable.ts';

type Origin = Pick<StartRun, 'key' | 'businessDate' | 'parent' | 'trace'>;

/** Filled in, because spreads cost several times as much, and every run begins here. */
export function addOrigin(to: Mutable<Origin>, from: Origin): void {
  if (from.key !== undefined) to.key = from.key;
  if (from.businessDate !== undefined) to.businessDate = from.businessDate;
  if (from.parent !== undefined) to.parent = from.parent;
  if (from.trace !== undefined) to.trace = from.trace;
}
