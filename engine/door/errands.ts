/**
 * Errands: work that was noted in the journal and takes longer than an answer. Each is worked off
 * behind the answer, once at a time on this node; what fails is reported, and those of a node that is
 * gone are claimed by another.
 */
import { waitFor } from '../../model/wait-for.ts';
import type { Clock } from '../clock.ts';

export class Errands {
  readonly #clock: Clock;
  readonly #underWay = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** `failed` is not called once they have stopped: then the next node has the errand. */
  begin(
    id: string,
    work: () => Promise<void>,
    failed: (error: unknown) => void | Promise<void>,
  ): void {
    if (this.#underWay.has(id) || this.isStopped) return;
    this.#underWay.add(id);
    void this.#work(id, work, failed);
  }

  async #work(
    id: string,
    work: () => Promise<void>,
    failed: (error: unknown) => void | Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.isStopped) await failed(error);
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** Ends early when they stop. */
  pause(ms: number): Promise<void> {
    return waitFor(this.#stopping.signal, (wake) => this.#clock.after(ms, wake));
  }

  /** What is under way ends at its next step. */
  stop(): void {
    this.#stopping.abort();
  }
}
