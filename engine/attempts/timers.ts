/** The timers of runs and of their nodes: each stands where the plan wants it to be. */
import type { Timer } from '../../kernel/run/machine.ts';
import type { Clock } from '../clock.ts';
import type { LiveRun } from '../runs/live-run.ts';

export class Timers {
  readonly #clock: Clock;
  readonly #due: (run: LiveRun, timer: Timer) => void;

  constructor(clock: Clock, due: (run: LiveRun, timer: Timer) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Of a node, or of the run itself. */
  set(run: LiveRun, of: number | 'run', timer: Timer | undefined): void {
    const { timers } = run;
    if (timer === undefined && timers.size === 0) return;
    const known = timers.get(of);
    if (timer === undefined) {
      if (known !== undefined) {
        known.cancel();
        timers.delete(of);
      }
      return;
    }
    if (known?.at === timer.at) return;
    known?.cancel();
    const cancel = this.#clock.at(timer.at, () => {
      timers.delete(of);
      if (run.resident) this.#due(run, timer);
    });
    timers.set(of, { at: timer.at, cancel });
  }

  clear(run: LiveRun): void {
    for (const timer of run.timers.values()) timer.cancel();
    run.timers.clear();
  }
}
