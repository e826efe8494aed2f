/**
 * What happens outside memory because of the runs in it: attempts in queues and at connectors, and
 * timers. Runs declare it, attempts implement it, so that imports point one way.
 */
import type { Overlay } from '../../kernel/run/machine.ts';
import type { OnDurable, LiveRun } from './live-run.ts';

export interface World {
  /** The run has come into memory: all that is due begins, and its timers stand. */
  adopt(run: LiveRun): void;
  /** Changes of these nodes are durable: what is due begins, what no longer is stops. */
  follow(run: LiveRun, nodes: readonly number[]): void;
  /** The run leaves memory: nothing of it continues here, unless it comes back at once. */
  evict(run: LiveRun, comesBack: boolean): void;
  /**
   * A restart numbers the nodes afresh. The result is to be called when the restart is durable:
   * until then the journal may continue without it.
   */
  renumber(run: LiveRun, onDurable: OnDurable | undefined): OnDurable | undefined;
  /** The timer of the run itself stands where its state wants it. */
  setRunTimer(run: LiveRun): void;
  /** Resolves when no attempt of the run is under way on this node. */
  quiescent(run: LiveRun): Promise<void>;
  /** What the kernel's view wants to know of the attempts of the run. */
  overlayOf(run: LiveRun): Overlay;
  /** From now on nothing is begun, and no run is woken. */
  stop(runs: Iterable<LiveRun>): void;
}
