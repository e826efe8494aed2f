/**
 * Runs that leave memory in the middle of things, because what they decided was refused or went
 * wrong. Before anybody brings such a run back, what it had decided before is written, and what it
 * had begun on this node comes to an end: else two would do the same.
 */
import { Wait } from '../../model/wait-for.ts';
import type { LiveRun } from './live-run.ts';

interface Leaving {
  readonly run: LiveRun | undefined;
  readonly wait: Wait;
  landed: boolean;
}

export class Leavings {
  readonly #leaving = new Map<string, Leaving>();
  /** Resolves when no attempt of the run is under way on this node. */
  readonly #landed: (run: LiveRun) => Promise<void>;

  constructor(landed: (run: LiveRun) => Promise<void>) {
    this.#landed = landed;
  }

  has(run: string): boolean {
    return this.#leaving.has(run);
  }

  /** Resolves when the run may be brought into memory. */
  async over(run: string): Promise<void> {
    for (;;) {
      const leaving = this.#leaving.get(run);
      if (leaving === undefined) return;
      await leaving.wait.over;
    }
  }

  begin(run: LiveRun): void {
    const leaving: Leaving = { run, wait: new Wait(), landed: false };
    this.#leaving.set(run.id, leaving);
    void this.#land(run, leaving);
  }

  async #land(run: LiveRun, leaving: Leaving): Promise<void> {
    await this.#landed(run);
    leaving.landed = true;
    this.check(run);
  }

  /** Something of it was written, or will never be. */
  check(run: LiveRun): void {
    const leaving = this.#leaving.get(run.id);
    if (leaving?.run !== run || !leaving.landed) return;
    if (run.pending.length > 0 || run.committing !== null) return;
    this.#leaving.delete(run.id);
    leaving.wait.end();
  }

  /** The run is not brought into memory while that is done. */
  async during(run: string, work: () => Promise<void>): Promise<void> {
    const leaving: Leaving = { run: undefined, wait: new Wait(), landed: false };
    this.#leaving.set(run, leaving);
    try {
      await work();
    } finally {
      this.#leaving.delete(run);
      leaving.wait.end();
    }
  }
}
