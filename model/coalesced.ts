/**
 * One at a time, and once more if asked meanwhile: what many ask for and one answer serves, such as
 * "read what is new" or "write what is waiting".
 *
 * Races that it rules out, so that no caller has to think of them again:
 * - Two at once. The mark is set before the first line of the work, so work that asks for itself
 *   before its first `await` does not begin beside itself.
 * - An ask that is lost. Whoever asks while the work is under way may have come after it looked, so the
 *   work is done once more, however many asked. Whether there was an ask is checked in the same turn
 *   in which the mark is taken away: there is no moment in between.
 * - A stop after an error. Work that throws or rejects is over like any other: the error goes to
 *   the handler, an ask that came meanwhile is served, and so is the next one.
 * - Work after the stop. After `stop` nothing begins; what is under way finishes.
 *
 * It does not wait and does not retry: pauses belong into the work, where an ask during the pause is
 * an ask like any other; trying again after an error is the handler's business.
 */
export class Coalesced {
  readonly #work: () => void | Promise<void>;
  readonly #failed: (error: unknown) => void;
  #round: Promise<void> = Promise.resolve();
  #asked = false;
  #working = false;
  #stopped = false;

  constructor(work: () => void | Promise<void>, failed: (error: unknown) => void) {
    this.#work = work;
    this.#failed = failed;
  }

  get isUnderWay(): boolean {
    return this.#working;
  }

  /** The work begins now, before this returns; or once more when the one under way is over. */
  ask(): void {
    if (this.#stopped) return;
    this.#asked = true;
    if (this.#working) return;
    this.#working = true;
    this.#round = this.#untilServed();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when all that was asked for until now is done; it never rejects for an error of the work. */
  idle(): Promise<void> {
    return this.#round;
  }

  async #untilServed(): Promise<void> {
    try {
      while (this.#asked && !this.#stopped) {
        this.#asked = false;
        await this.#once();
      }
    } finally {
      // Also when the handler throws: that is a bug, and the next ask must not be lost for it.
      this.#working = false;
    }
  }

  async #once(): Promise<void> {
    try {
      await this.#work();
    } catch (error) {
      this.#failed(error);
    }
  }
}
