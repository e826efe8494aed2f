/**
 * Runs whose events the database refused for good. Such a run left memory; it is folded again from
 * the book and continues, so whoever asked for what was refused is told, and nobody else notices.
 * A run that is refused twice at the same place by its own step would be refused for ever: it is
 * set aside.
 */
import type { Entry, LiveRun } from './live-run.ts';

/** Commands of people: refused, they leave the run as it was. */
const ASKED: ReadonlySet<string> = new Set([
  'RunHeld',
  'RunReleased',
  'RunCancelRequested',
  'RunRestarted',
  'TaskHeld',
  'TaskReleased',
  'TaskSteered',
  'TaskRerun',
]);

export interface RefusalsParts {
  readonly takeUp: (run: string) => void;
  readonly setAside: (run: string, reason: string) => void;
}

export class Refusals {
  readonly #parts: RefusalsParts;
  /** By run: how far it was in the book when its own step was refused. */
  readonly #own = new Map<string, number>();

  constructor(parts: RefusalsParts) {
    this.#parts = parts;
  }

  note(run: LiveRun, lost: readonly Entry[], error: Error): void {
    // It never came into the book: there is nothing to continue.
    if (run.durable === 0) return;
    if (isAsked(lost)) {
      this.#parts.takeUp(run.id);
      return;
    }
    if (this.#own.get(run.id) === run.durable) {
      this.#own.delete(run.id);
      this.#parts.setAside(run.id, `its next step cannot be written: ${error.message}`);
      return;
    }
    this.#own.set(run.id, run.durable);
    this.#parts.takeUp(run.id);
  }

  forgive(run: string): void {
    this.#own.delete(run);
  }
}

function isAsked(entries: readonly Entry[]): boolean {
  return entries.some(({ events }) =>
    events.some(({ type, data }) => ASKED.has(type) || data.includes('"forced":{')),
  );
}
