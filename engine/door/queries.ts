/** Questions about one run that only the engine can answer: how it is now, what a restart would do, when there is more. */
import type { Journal } from '../../journal/journal.ts';
import { NO_OVERLAY, previewRestart, viewOf } from '../../kernel/run/machine.ts';
import { TuttiError } from '../../model/errors.ts';
import { isRefusal } from '../../model/refusal.ts';
import type { Refusal, RestartPreview, RestartRun, RunView } from '../../model/run.ts';
import { ALL_TASKS, type TaskRange } from '../../model/task-range.ts';
import type { Clock } from '../clock.ts';
import type { RunQueries, Via } from '../door.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { LiveRun } from '../runs/live-run.ts';
import type { RunGate } from '../runs/run-gate.ts';
import type { RunMemory } from '../runs/run-memory.ts';
import type { RunWatchers } from '../runs/run-watchers.ts';
import type { Versions } from '../runs/versions.ts';
import { previewAbove } from './above.ts';
import type { Courier } from './courier.ts';
import { fetchVersion, unknownRun } from './unknown.ts';

interface QueryParts {
  readonly journal: Pick<Journal, 'views'>;
  readonly gate: RunGate;
  readonly memory: RunMemory;
  readonly versions: Versions;
  readonly courier: Courier;
  readonly watchers: RunWatchers;
  readonly identity: NodeIdentity;
  readonly clock: Clock;
}

export class QueryHandler implements RunQueries {
  readonly #parts: QueryParts;

  constructor(parts: QueryParts) {
    this.#parts = parts;
  }

  async preview(command: RestartRun): Promise<RestartPreview | Refusal> {
    const { memory, clock, versions } = this.#parts;
    const read = await memory.read(command.run);
    if (read === null) return unknownRun(command.run);
    const missing = await fetchVersion(command, memory, versions);
    if (missing !== undefined) return missing;
    const context = { now: clock.now(), chance: () => 0, versions: versions.prepared };
    const { state } = read.run;
    const preview = previewRestart(state, command, context);
    if (isRefusal(preview)) return preview;
    const stateOf = async (run: string) => (await memory.read(run))?.run.state;
    const above = await previewAbove(state, command.by, context, stateOf);
    return above.length === 0 ? preview : { ...preview, above };
  }

  async inspect(id: string, range: TaskRange = ALL_TASKS, via?: Via): Promise<RunView | null> {
    const { gate, courier } = this.#parts;
    const read = await this.#read(id);
    if (read === null || 'taskViews' in read) return read;
    if (read.live) return viewOf(read.run.state, gate.overlayOf(read.run), range);
    if (read.aside !== undefined)
      return { ...viewOf(read.run.state, NO_OVERLAY, range), aside: read.aside };
    const elsewhere = via === undefined ? this.#activeElsewhere(read.run) : undefined;
    const view =
      elsewhere === undefined
        ? null
        : await courier.ask(elsewhere, (peer) => peer.inspect(id, range));
    return view ?? viewOf(read.run.state, NO_OVERLAY, range);
  }

  /** Of a run that cannot be read, what its row says. */
  async #read(id: string): Promise<RunView | Awaited<ReturnType<RunMemory['read']>>> {
    try {
      return await this.#parts.memory.read(id);
    } catch (error) {
      if (!(error instanceof TuttiError && error.code === 'run.set-aside')) throw error;
      const summary = await this.#parts.journal.views.run(id);
      return summary === null
        ? null
        : { aside: error.message, ...summary, inputs: {}, taskViews: [] };
    }
  }

  /** Only its owner knows what is under way; of a run that sleeps or has ended all is in the journal. */
  #activeElsewhere(run: LiveRun): number | undefined {
    const active = run.state.end === undefined && run.row.wakeAt === null;
    const { node } = this.#parts.identity;
    return active && run.owner !== null && run.owner !== node ? run.owner : undefined;
  }

  async changed(id: string, seq: number, signal: AbortSignal): Promise<void> {
    const { memory, watchers, journal } = this.#parts;
    await watchers.until(id, signal, {
      isThere: async () => {
        const run = memory.live.get(id);
        if (run !== undefined) return run.durable > seq + 1;
        return (await journal.views.events(id, seq, 1)).length > 0;
      },
      isAmong: (durable) => durable > seq + 1,
    });
  }
}
