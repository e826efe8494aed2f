/**
 * Whoever must hear what becomes of the runs in memory: parents, watchers, and the node's part in
 * the cluster. Runs declare it; the wiring of the engine implements it.
 */
import type { RunState } from '../../kernel/run/machine.ts';
import type { TuttiError } from '../../model/errors.ts';
import type { LiveRun } from './live-run.ts';

/** What the end of a run says to others. */
export type EndedRun = Pick<RunState, 'id' | 'workflow' | 'createdAt' | 'end' | 'parent'>;

export interface RunListener {
  /** The run has ended, and that is durable. */
  ended(run: EndedRun): void;
  /** The run continues after its end, and that is durable: its parent is to hear of it. */
  reopened(run: LiveRun): void;
  /** Events of the run up to `durable` (exclusive) are in the journal. */
  durable(run: string, durable: number): void;
  /** A run has left memory, and sleeps until then (`Infinity`: for good): there is capacity for another. */
  unloaded(wakeAt: number): void;
  /** These runs of this node are active, and could not be loaded yet. */
  postponed(runs: readonly string[]): void;
  /** Another process has this node's lease. */
  fenced(error: TuttiError): void;
}
