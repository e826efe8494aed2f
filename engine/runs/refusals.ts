/**
 * Runs whose events the database refused for good. Such a run left memory; it is folded again from
 * the journal and continues: only the caller whose command was refused gets the refusal.
 * A run that is refused twice at the same place by its own step would be refused each time: it is
 * set aside.
 */
import type { Entry, LiveRun } from './live-run.ts';
import type { RunLoader } from './run-loader.ts';
import type { RunMemory } from './run-memory.ts';

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

export class Refusals {
  readonly #memory: RunMemory;
  readonly #loader: RunLoader;
  /** By run: how far it was in the journal when its own step was refused. */
  readonly #own = new Map<string, number>();

  constructor(memory: RunMemory, loader: RunLoader) {
    this.#memory = memory;
    this.#loader = loader;
  }

  note(run: LiveRun, lost: readonly Entry[], error: Error): void {
    // It never came into the journal: there is nothing to continue.
    if (run.durable === 0) return;
    if (isAsked(lost)) {
      void this.#memory.reload(run.id);
      return;
    }
    if (this.#own.get(run.id) === run.durable) {
      this.#own.delete(run.id);
      const reason = `its next step cannot be written: ${error.message}`;
      void this.#memory.setAside(run.id, reason);
      return;
    }
    this.#own.set(run.id, run.durable);
    void this.#memory.reload(run.id);
  }

  /** A run that was set aside and can be read continues here; false when it is not set aside any more. */
  async returnToService(id: string): Promise<boolean> {
    this.#own.delete(id);
    const isBack = await this.#loader.reinstate(id);
    if (isBack) await this.#memory.reload(id);
    return isBack;
  }
}

function isAsked(entries: readonly Entry[]): boolean {
  return entries.some(({ events }) =>
    events.some(({ type, data }) => ASKED.has(type) || data.includes('"forced":{')),
  );
}
