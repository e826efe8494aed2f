/**
 * Child runs. A child begins on its parent's node and is owned like any other run, so after a
 * take-over the two may live on different nodes.
 *
 * The end of a child is the outcome of its parent's task. On one node the child tells its parent.
 * On two nodes the parent's owner watches the child's row: it reads the row when it adopts the parent,
 * and whenever another node has written. So the end is found whichever node dies in between, and a
 * second report of it is refused as stale.
 *
 * A child that continues after its end, because a person repaired it, tells its parent before it may
 * end again (`untold` in its state): so its new end cannot come before the parent waits for it.
 *
 * A child that has lost its owner follows its parent, also when memory is full: else parents could
 * hold all the memory that their children wait for.
 */
import type { Views } from '../../journal/journal.ts';
import { indexOf, workOf } from '../../kernel/run/machine.ts';
import { ENGINE } from '../../model/actor.ts';
import { CHILD_DEPTH } from '../../model/family.ts';
import type {
  AttemptReport,
  By,
  DoorCommand,
  ParentTask,
  Refusal,
  StartRun,
} from '../../model/run.ts';
import type { TellParent } from '../../model/family.ts';
import { waitFor } from '../../model/wait-for.ts';
import type { Clock, Ids } from '../clock.ts';
import type { Accepted } from '../door.ts';
import type { Observer } from '../observer.ts';
import { isFinal, isNodeOver } from '../runs/absence.ts';
import type { Attempt, LiveRun } from '../runs/live-run.ts';
import type { RunWatchers } from '../runs/run-watchers.ts';
import type { RunGate } from '../runs/run-gate.ts';
import type { RunMemory } from '../runs/run-memory.ts';
import type { EndedRun } from '../runs/run-listener.ts';
import type { Reading } from '../runs/shelf.ts';

/** Between two tries to reach a child's node, or the journal. */
const AGAIN_MS = 1_000;
/** Of what a parent answers, so many characters are kept. */
const SAID = 500;

/** Commands about runs that may be on any node. */
export interface ChildDoor {
  begin(command: StartRun): Promise<Accepted | Refusal>;
  submit(command: DoorCommand): Promise<Accepted | Refusal>;
}

interface ChildRunsParts {
  readonly gate: RunGate;
  readonly memory: RunMemory;
  readonly journal: { readonly views: Views; cancellingAbove(run: string): Promise<string | null> };
  readonly watchers: RunWatchers;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly door: ChildDoor;
  readonly observer?: Observer | undefined;
}

export class ChildRuns {
  readonly #parts: ChildRunsParts;
  /** Children that are watched from here. */
  readonly #watched = new Set<string>();
  /** Runs whose parent is being told that they continue. */
  readonly #telling = new Set<LiveRun>();

  constructor(parts: ChildRunsParts) {
    this.#parts = parts;
  }

  newRun(): string {
    return this.#parts.ids.run();
  }

  async start(command: StartRun): Promise<Refusal | undefined> {
    const answer = await this.#parts.door.begin(command);
    return answer.refused ? answer : undefined;
  }

  /**
   * The nearest run above that is being cancelled, the attempt's own included. Asked after the
   * task's start is durable: a cancellation that was written before it is seen, and one that comes
   * later finds the child by that start. Most parents have no run above them.
   */
  async cancelledAbove({ run, stop }: Attempt): Promise<string | null> {
    if (stop === 'cancel' || run.state.cancel !== undefined) return run.id;
    const { parent } = run.state;
    return parent === undefined ? null : this.#parts.journal.cancellingAbove(parent.run);
  }

  /** The workflows above, from the top, the attempt's own last. */
  async workflowsAbove({ run }: Attempt): Promise<readonly string[]> {
    const workflows = [run.state.workflow];
    for (let above = run.state.parent; above !== undefined; ) {
      const next = await this.#parts.journal.views.run(above.run);
      if (next === null || workflows.length > 2 * CHILD_DEPTH) break;
      workflows.unshift(next.workflow);
      above = next.parent;
    }
    return workflows;
  }

  /** A task is to stop: its child is cancelled. A field, so that every attempt is given the same function. */
  readonly onStop = (attempt: Attempt): void => {
    if (attempt.stop !== 'cancel') return;
    const work = workOf(attempt.run.state, attempt.node);
    if (work?.kind !== 'follow' || work.attempt !== attempt.number) return;
    if (work.child !== undefined) void this.cancel(work.child, attempt);
  };

  /** Asks the child to cancel itself, wherever it is, until it has heard or its outcome is not wanted. */
  async cancel(child: string, attempt: Attempt): Promise<void> {
    const by = { actor: ENGINE, reason: 'its parent is being cancelled' };
    while (!attempt.isAbandoned) {
      try {
        await this.#parts.door.submit({ type: 'CancelRun', run: child, by });
        return;
      } catch (error) {
        // Its node cannot be reached, or its answer was lost. To ask twice does no harm here.
        this.#parts.observer?.troubled('cancelling a child run', error, { child });
        await this.#pause(attempt.interest);
      }
    }
  }

  /** Runs have lost their node: children that are watched from here come to this one. */
  orphaned(): void {
    for (const child of this.#watched) this.#load(child);
  }

  /** A run continues after its end: its parent's task takes over how it ends, wherever it is. */
  async reopened(run: LiveRun): Promise<void> {
    const { parent } = run.state;
    if (parent === undefined || this.#telling.has(run)) return;
    this.#telling.add(run);
    try {
      while (run.resident && run.state.untold !== undefined) {
        if (await this.#told(run, parent, run.state.untold)) return;
        await this.#pause(undefined);
      }
    } finally {
      this.#telling.delete(run);
    }
  }

  /** False when it is not known whether the parent has heard: to say it twice does no harm. */
  async #told({ id }: LiveRun, { run, task, attempt }: ParentTask, by: By): Promise<boolean> {
    const { gate, memory, door } = this.#parts;
    try {
      const answer = await door.submit({ type: 'ReopenTask', run, task, attempt, child: id, by });
      const heard: TellParent = answer.refused
        ? { type: 'TellParent', run: id, takesOver: false, because: answer.message.slice(0, SAID) }
        : { type: 'TellParent', run: id, takesOver: true };
      await memory.withRun(id, (child) => {
        if (gate.apply(child, heard) !== undefined) memory.unloadIfIdle(child);
      });
      return true;
    } catch (error) {
      // The node that continues the run tells its parent.
      if (isNodeOver(error)) return true;
      const about = { run: id, parent: run };
      this.#parts.observer?.troubled('telling a parent that its child continues', error, about);
      return false;
    }
  }

  /** A run has ended on this node, and that is durable. */
  ended(child: EndedRun): void {
    const { parent } = child;
    if (parent === undefined) return;
    this.#tellParent(child, parent).catch((error: unknown) => {
      // A parent on another node finds it by itself.
      if (isFinal(error)) return;
      const about = { run: child.id, parent: parent.run };
      this.#parts.observer?.troubled('telling a parent the end of its child', error, about);
    });
  }

  async #tellParent(child: EndedRun, parent: ParentTask): Promise<void> {
    const { gate, memory } = this.#parts;
    await memory.withRun(parent.run, (run) => {
      const node = indexOf(run.state, parent.task);
      const attempt = node === undefined ? undefined : run.attempts[node];
      const report = reportOf(child, parent, attempt?.stop === 'cancel');
      if (report === undefined || gate.apply(run, report) !== undefined) memory.unloadIfIdle(run);
    });
  }

  /** Whether the child of the attempt is there already; if it has ended, its end is reported to its parent again. */
  async isThere(child: string, attempt: Attempt): Promise<boolean> {
    const read = await this.#parts.memory.read(child);
    if (read === null) return false;
    const ended = endedOf(read);
    if (ended !== undefined) this.ended(ended);
    else void this.#watch(child, attempt);
    return true;
  }

  async #watch(child: string, { interest }: Attempt): Promise<void> {
    const { memory, journal, watchers } = this.#parts;
    const hasEnded = async () => (await journal.views.run(child))?.endedAt !== undefined;
    this.#watched.add(child);
    this.#load(child);
    while (!interest.aborted) {
      try {
        await watchers.until(child, interest, { isThere: hasEnded, isAmong: () => false });
        if (interest.aborted) break;
        const read = await memory.read(child);
        const ended = read === null ? undefined : endedOf(read);
        if (ended === undefined) continue;
        this.ended(ended);
        break;
      } catch (error) {
        this.#parts.observer?.troubled('watching a child run', error, { child });
        await this.#pause(interest);
      }
    }
    this.#watched.delete(child);
  }

  #load(child: string): void {
    const { memory, observer } = this.#parts;
    // With what has ended meanwhile, or sleeps, there is nothing to do.
    memory
      .withRun(child, (run) => memory.unloadIfIdle(run))
      .catch((error: unknown) => {
        // Another living node has it: its end is watched.
        if (!isFinal(error)) observer?.troubled('loading a child run', error, { child });
      });
  }

  #pause(signal: AbortSignal | undefined): Promise<void> {
    return waitFor(signal, (wake) => this.#parts.clock.after(AGAIN_MS, wake));
  }
}

/**
 * The end of a run, if it is durable: a run in memory has ended there before its end is written, and
 * should that be refused, it continues.
 */
function endedOf({ run, live }: Reading): EndedRun | undefined {
  const { state } = run;
  if (state.end === undefined || (live && run.durable < state.seq)) return undefined;
  return state;
}

/** What the end of a child run means for its parent's task. */
function reportOf(
  child: EndedRun,
  { run, task, attempt }: ParentTask,
  cancelling: boolean,
): AttemptReport | undefined {
  const about = { run, task, attempt, startedAt: child.createdAt };
  const { end } = child;
  if (end === undefined) return undefined;
  if (end.end === 'succeeded')
    return { ...about, type: 'CompleteTask', output: end.output ?? null };
  if (cancelling) return { ...about, type: 'ConfirmCancel' };
  const message = `child run ${child.id} of "${child.workflow}" ended ${end.end}`;
  // A person who cancels a child does not want another one.
  const kind = end.end === 'cancelled' ? 'rejected' : 'failed';
  const failure = { class: kind, code: 'child.failed', message, native: child.id } as const;
  return { ...about, type: 'FailTask', failure };
}
