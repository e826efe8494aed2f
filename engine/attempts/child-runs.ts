/**
 * Child runs. A child begins on its parent's node and is owned like any other run, so after a
 * take-over the two may live on different nodes.
 *
 * The end of a child is the outcome of its parent's task. On one node the child tells its parent.
 * Apart, the parent's owner watches the child's row: it looks when it takes the parent up, and
 * whenever another node has written. So the end is found whoever dies in between, and a second
 * report of it is refused as stale.
 *
 * A child that goes on after its end, because a person mended it, tells its parent before it may end
 * again (`untold` in its state): so its new end cannot come before the parent waits for it.
 *
 * A child that nobody owns any more follows its parent, also when memory is full: else parents
 * could hold all the room that their children wait for.
 */
import type { Views } from '../../journal/journal.ts';
import { indexOf } from '../../kernel/run/machine.ts';
import { ENGINE } from '../../model/actor.ts';
import { TuttiError } from '../../model/errors.ts';
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
import { runChild } from './child-attempt.ts';
import type { Clock, Ids } from '../clock.ts';
import type { AttemptServices } from './attempt-services.ts';
import type { Accepted } from '../door.ts';
import type { Attempt } from '../runs/attempt.ts';
import type { RunWatchers } from '../runs/run-watchers.ts';
import type { LiveRun } from '../runs/live-run.ts';
import type { Owner } from '../runs/owner.ts';
import type { EndedRun } from '../runs/run-listener.ts';

/** Between two tries to reach a child's node, or the journal. */
const AGAIN_MS = 1_000;
/** Of what a parent answers, so many characters are kept. */
const SAID = 500;

export interface ChildRunsParts {
  readonly owner: Owner;
  readonly views: Views;
  readonly cancellingAbove: (run: string) => Promise<string | null>;
  readonly watchers: RunWatchers;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly services: AttemptServices;
  readonly begin: (command: StartRun) => Promise<Accepted | Refusal>;
  readonly submit: (command: DoorCommand) => Promise<Accepted | Refusal>;
}

export class ChildRuns {
  readonly #parts: ChildRunsParts;
  /** Children that are watched from here. */
  readonly #watched = new Set<string>();
  /** Runs whose parent is being told that they go on. */
  readonly #telling = new Set<LiveRun>();

  constructor(parts: ChildRunsParts) {
    this.#parts = parts;
  }

  /** The attempt of a task that runs another workflow. */
  run(attempt: Attempt): Promise<void> {
    const { ids, services, begin } = this.#parts;
    const nursery = {
      newRun: () => ids.run(),
      isThere: (child: string) => this.#isThere(attempt, child),
      cancelledAbove: () => this.#cancelledAbove(attempt),
      line: () => this.#line(attempt),
      start: async (command: StartRun) => {
        const answer = await begin(command);
        return answer.refused ? answer : undefined;
      },
      cancel: (child: string) => this.cancel(child, attempt),
    };
    return runChild(attempt, services, nursery, attempt.recovered);
  }

  /**
   * Asked after the task's start is durable: a cancellation that was written before it is seen,
   * and one that comes later finds the child by that start. Most parents have nobody above them.
   */
  async #cancelledAbove({ run, stop }: Attempt): Promise<string | null> {
    if (stop === 'cancel' || run.state.cancel !== undefined) return run.id;
    const { parent } = run.state;
    return parent === undefined ? null : this.#parts.cancellingAbove(parent.run);
  }

  async #line({ run }: Attempt): Promise<readonly string[]> {
    const line = [run.state.workflow];
    for (let above = run.state.parent; above !== undefined; ) {
      const next = await this.#parts.views.run(above.run);
      if (next === null || line.length > 2 * CHILD_DEPTH) break;
      line.unshift(next.workflow);
      above = next.parent;
    }
    return line;
  }

  /** Asks the child to cancel itself, wherever it is, until it has heard or nobody wants it any more. */
  async cancel(child: string, attempt: Attempt): Promise<void> {
    const by = { actor: ENGINE, reason: 'its parent is being cancelled' };
    while (!attempt.interest.aborted) {
      try {
        await this.#parts.submit({ type: 'CancelRun', run: child, by });
        return;
      } catch {
        // Its node cannot be reached, or its answer was lost. To ask twice does no harm here.
        await this.#pause(attempt.interest);
      }
    }
  }

  /** Runs lost their node. */
  orphaned(): void {
    for (const child of this.#watched) this.#fetch(child);
  }

  /** A run goes on after its end: its parent's task takes over how it ends, wherever it is. */
  async tell(run: LiveRun): Promise<void> {
    const { parent } = run.state;
    if (parent === undefined || this.#telling.has(run)) return;
    this.#telling.add(run);
    try {
      while (run.resident && run.state.untold !== undefined) {
        if (await this.#told(run, parent, run.state.untold)) return;
        await new Promise<void>((resolve) => {
          this.#parts.clock.at(this.#parts.clock.now() + AGAIN_MS, resolve);
        });
      }
    } finally {
      this.#telling.delete(run);
    }
  }

  /** False when nobody knows whether the parent has heard: to say it twice does no harm. */
  async #told({ id }: LiveRun, { run, task, attempt }: ParentTask, by: By): Promise<boolean> {
    const { owner, submit } = this.#parts;
    try {
      const answer = await submit({ type: 'ReopenTask', run, task, attempt, child: id, by });
      const heard: TellParent = answer.refused
        ? { type: 'TellParent', run: id, takesOver: false, because: answer.message.slice(0, SAID) }
        : { type: 'TellParent', run: id, takesOver: true };
      await owner.with(id, (child) => {
        if (owner.apply(child, heard) !== undefined) owner.release(child);
      });
      return true;
    } catch (error) {
      // Whoever goes on with the run will tell.
      return error instanceof TuttiError && /^node\.(stopping|fenced)$/.test(error.code);
    }
  }

  /** A run has ended on this node, and that is durable. */
  ended(child: EndedRun): void {
    if (child.parent !== undefined) {
      // A parent on another node finds it by itself.
      void this.#tellParent(child, child.parent).catch(() => undefined);
    }
  }

  async #tellParent(child: EndedRun, parent: ParentTask): Promise<void> {
    const { owner } = this.#parts;
    await owner.with(parent.run, (run) => {
      const attempt = run.attempts[indexOf(run.state, parent.task) ?? -1];
      const report = reportOf(child, parent, attempt?.stop === 'cancel');
      if (report === undefined || owner.apply(run, report) !== undefined) owner.release(run);
    });
  }

  /** After a crash: the child is there; if it has ended, its parent has not heard of it yet. */
  async #isThere(attempt: Attempt, child: string): Promise<boolean> {
    const read = await this.#parts.owner.read(child);
    if (read === null) return false;
    if (read.run.state.end !== undefined) this.ended(read.run.state);
    else void this.#watch(attempt, child);
    return true;
  }

  async #watch(attempt: Attempt, child: string): Promise<void> {
    const { owner, views, watchers } = this.#parts;
    const hasEnded = async () => (await views.run(child))?.endedAt !== undefined;
    this.#watched.add(child);
    this.#fetch(child);
    while (!attempt.interest.aborted) {
      try {
        await watchers.until(child, attempt.interest, { isThere: hasEnded, isAmong: () => false });
        if (attempt.interest.aborted) break;
        const read = await owner.read(child);
        if (read?.run.state.end === undefined) continue;
        this.ended(read.run.state);
        break;
      } catch {
        await this.#pause(attempt.interest);
      }
    }
    this.#watched.delete(child);
  }

  #fetch(child: string): void {
    // With what has ended meanwhile, or sleeps, there is nothing to do.
    const { owner } = this.#parts;
    void owner.with(child, (run) => owner.release(run)).catch(() => undefined);
  }

  #pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const over = () => {
        cancel();
        signal.removeEventListener('abort', over);
        resolve();
      };
      const cancel = clock.after(AGAIN_MS, over);
      signal.addEventListener('abort', over, { once: true });
    });
  }
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
  // Whoever cancels a child by hand does not want another one.
  const kind = end.end === 'cancelled' ? 'rejected' : 'failed';
  const failure = { class: kind, code: 'child.failed', message, native: child.id } as const;
  return { ...about, type: 'FailTask', failure };
}
