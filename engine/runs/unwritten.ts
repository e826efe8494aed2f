/**
 * What has been decided and is not in the journal yet. It is held in memory, so it is bounded: above
 * the bound commands wait at the door until the journal has caught up, and new runs give way to those
 * under way.
 */
import { Admission } from './admission.ts';
import type { Entry } from './live-run.ts';

/** Above this many unwritten events no command is let in. */
const MOST_EVENTS = 50_000;
/** The same of their data. */
const MOST_CHARACTERS = 50_000_000;
/** What admission takes for as much work as one event: far above the usual. */
const CHARACTERS_OF_AN_EVENT = 10_000;

export class Unwritten {
  /** Where new runs wait for their turn. */
  readonly admission = new Admission(
    () => this.#events + Math.floor(this.#characters / CHARACTERS_OF_AN_EVENT),
  );
  readonly #blocked: (() => void)[] = [];
  #events = 0;
  /** Of their data. */
  #characters = 0;

  get events(): number {
    return this.#events;
  }

  add(entry: Entry): void {
    this.#events += entry.events.length;
    this.#characters += entry.characters;
  }

  /** It is durable, or never will be. */
  remove(entry: Entry): void {
    this.#events -= entry.events.length;
    this.#characters -= entry.characters;
  }

  /** Resolves when there is capacity for another command. */
  capacity(): Promise<void> {
    if (this.#events < MOST_EVENTS && this.#characters < MOST_CHARACTERS) return Promise.resolve();
    return new Promise((resolve) => this.#blocked.push(resolve));
  }

  batchWritten(): void {
    if (this.#events < MOST_EVENTS / 2 && this.#characters < MOST_CHARACTERS / 2) this.#unblock();
    this.admission.batchWritten();
  }

  /** Nothing is written any more: whoever waits finds the door closed. */
  close(): void {
    this.admission.close();
    this.#unblock();
  }

  #unblock(): void {
    this.#blocked.splice(0).forEach((resolve) => resolve());
  }
}
