/**
 * The gate: the one place where all commands and outcomes pass, whoever brings them (people and
 * parents by engine/door, attempts and timers by engine/attempts), and the only caller of the
 * kernel's `first`, `step` and `settleOn`.
 *
 *   begin, apply, wake ──► kernel ──► entry ──► pipeline ──► journal
 *                                                               │ committed
 *          world follows, parents hear, the run sleeps or leaves ◄┘      (law 4: not before)
 */
import type { RunRow, RunUpdate } from '../../journal/append.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Context, Overlay } from '../../kernel/run/machine.ts';
import { first, isAtRest, runStatusOf, settleOn, step } from '../../kernel/run/machine.ts';
import type { TuttiError } from '../../model/errors.ts';
import type { Mutable } from '../../model/mutable.ts';
import { isRefusal } from '../../model/refusal.ts';
import type { AttemptReport, DoorCommand, Refusal, RunEvent, RunStarted } from '../../model/run.ts';
import type { Clock } from '../clock.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import { failures } from './absence.ts';
import { type Entry, type LiveRun, newLiveRun, type OnDurable } from './live-run.ts';
import { Pipeline, type PipelineListener } from './pipeline.ts';
import { Refusals } from './refusals.ts';
import { entryOf, startRowOf, updateOf } from './rows.ts';
import type { RunListener } from './run-listener.ts';
import type { RunLoader } from './run-loader.ts';
import type { LoadListener, RunMemory } from './run-memory.ts';
import { fallsAsleep, wakeAtOf } from './sleep.ts';
import type { World } from './world.ts';

type Command = DoorCommand | AttemptReport;

interface RunGateParts {
  readonly memory: RunMemory;
  readonly loader: RunLoader;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly identity: NodeIdentity;
  readonly observer: Observer | undefined;
  /** What the kernel is given beside the time. */
  readonly context: Omit<Context, 'now'>;
}

export class RunGate implements PipelineListener, LoadListener {
  readonly pipeline: Pipeline;
  readonly #memory: RunMemory;
  readonly #loader: RunLoader;
  readonly #refusals: Refusals;
  readonly #clock: Clock;
  readonly #observer: Observer | undefined;
  readonly #now: Mutable<Context>;
  #world!: World;
  #listener!: RunListener;

  constructor(parts: RunGateParts) {
    const { memory, loader, journal, clock, context, identity, observer } = parts;
    this.pipeline = new Pipeline(journal, identity, clock, this, observer);
    this.#memory = memory;
    this.#loader = loader;
    this.#refusals = new Refusals(memory, loader);
    this.#clock = clock;
    this.#observer = observer;
    this.#now = { now: 0, ...context };
  }

  /** Closes the ring: the world brings its outcomes to this gate. Called once, before anything else. */
  connect(world: World, listener: RunListener): void {
    this.#world = world;
    this.#listener = listener;
    this.#memory.connect(world, listener, this);
  }

  /** Creates a run. `full`: memory is, so it is written without an owner, for a node that has capacity. */
  begin(
    id: string,
    event: RunStarted,
    directory: string,
    full: boolean,
    onDurable: OnDurable,
  ): void {
    const { state, events } = first(id, event, this.#context());
    const run = newLiveRun(state, directory, 0);
    try {
      this.#enter(run, events, full && state.end === undefined, onDurable);
    } catch (error) {
      this.#memory.evict(run);
      throw error;
    }
  }

  #enter(run: LiveRun, events: readonly RunEvent[], unowned: boolean, onDurable: OnDurable): void {
    const { id, state } = run;
    if (!unowned) this.#memory.admit(run);
    const wakeAt = unowned ? state.createdAt : wakeAtOf(run, this.#clock);
    run.row = { status: runStatusOf(state), wakeAt, version: state.version };
    const start = startRowOf(state, wakeAt);
    // A run that is over at once is inserted with its end.
    const update = state.end === undefined ? undefined : updateOf(state, null);
    if (!unowned) this.#push(run, events, start, update, onDurable);
    else
      this.#push(run, events, { ...start, unowned }, update, this.#loader.giveAway(id, onDurable));
  }

  /** Passes a command through the kernel. `onDurable` is called once it is durable. */
  apply(run: LiveRun, command: Command, onDurable?: OnDurable): Refusal | undefined {
    try {
      return this.#step(run, command, onDurable);
    } catch (error) {
      this.#memory.foldAgain(run);
      throw error;
    }
  }

  #step(run: LiveRun, command: Command, onDurable: OnDurable | undefined): Refusal | undefined {
    const events = step(run.state, command, this.#context());
    if (isRefusal(events)) return events;
    if (events.length === 0 && run.pending.length === 0 && run.committing === null) {
      onDurable?.();
      return undefined;
    }
    // A task that is reopened comes before the restart of what follows it.
    if (events[0]?.type === 'RunRestarted' || events[1]?.type === 'RunRestarted')
      onDurable = this.#world.renumber(run, onDurable);
    this.#decided(run, events, onDurable);
    return undefined;
  }

  #decided(run: LiveRun, events: readonly RunEvent[], onDurable: OnDurable | undefined): void {
    const { state } = run;
    const wakeAt = wakeAtOf(run, this.#clock);
    const status = runStatusOf(state);
    const { row } = run;
    let update: RunUpdate | undefined;
    const same = row.status === status && row.wakeAt === wakeAt && row.version === state.version;
    // A failed run that fails again, by hand: its view says when.
    if (!same || state.end !== undefined) {
      run.row = { status, wakeAt, version: state.version };
      update = updateOf(state, wakeAt);
    }
    this.#push(run, events, undefined, update, onDurable);
  }

  /** What a step has left undecided comes when others have had their turn. */
  #settleOn(run: LiveRun): void {
    if (run.settling) return;
    run.settling = true;
    this.#clock.soon(() => {
      run.settling = false;
      if (!run.resident || this.#memory.isStopped || isAtRest(run.state)) return;
      try {
        this.#decided(run, settleOn(run.state, this.#context()), undefined);
      } catch (error) {
        this.#observer?.troubled('deciding what a step had left', error, { run: run.id });
        this.#memory.foldAgain(run);
      }
    });
  }

  /** Sleeping runs are due: they are in memory from now on, and the journal says so. */
  async wakeAll(ids: readonly string[]): Promise<readonly string[]> {
    await this.#memory.loadAll(ids);
    return failures(ids, (id) => this.#memory.withRun(id, (run) => this.#wake(run)));
  }

  #wake(run: LiveRun): Promise<void> | undefined {
    if (run.row.wakeAt === null || run.state.end !== undefined) {
      this.#memory.unloadIfIdle(run);
      return undefined;
    }
    this.#observer?.woken(this.#clock.now() - run.row.wakeAt);
    run.row = { ...run.row, wakeAt: null };
    return new Promise<void>((resolve) => {
      this.#push(run, [], undefined, updateOf(run.state, null), () => resolve());
    });
  }

  loaded(run: LiveRun): void {
    if (!isAtRest(run.state)) this.#settleOn(run);
    if (run.state.untold !== undefined) this.#listener.reopened(run);
  }

  committed(run: LiveRun, entries: readonly Entry[]): void {
    for (const { facts } of entries)
      if (facts !== undefined) this.#observer?.decided(run.state, facts);
    if (!run.resident) {
      for (const entry of entries) entry.onDurable?.();
      this.#memory.checkLeaving(run);
      this.#listener.durable(run.id, run.durable);
      return;
    }
    const quiet = run.pending.length === 0 && run.committing === null;
    const leaving = quiet && run.busy === 0 && run.row.wakeAt !== null;
    for (const entry of entries) {
      entry.onDurable?.();
      if (this.#memory.isStopped || leaving) continue;
      this.#world.follow(run, entry.touched);
    }
    this.#listener.durable(run.id, run.durable);
    if (!quiet || this.#memory.isStopped) return;
    if (run.state.untold !== undefined) this.#listener.reopened(run);
    if (run.state.end !== undefined) {
      this.#memory.evict(run);
      this.#listener.ended(run.state);
    } else if (leaving) this.#memory.evict(run);
    else if (fallsAsleep(run, this.#clock)) this.#decided(run, [], undefined);
    else this.#world.setRunTimer(run);
  }

  refused(runs: readonly LiveRun[], error: TuttiError, lost?: readonly Entry[]): void {
    for (const run of runs) this.#memory.discard(run, lost !== undefined);
    if (error.code === 'node.fenced') this.#listener.fenced(error);
    if (lost === undefined || this.#memory.isStopped) return;
    for (const run of runs) this.#refusals.note(run, lost, error);
  }

  /** A run that was set aside and can be read continues here; false when it is not set aside any more. */
  returnToService(id: string): Promise<boolean> {
    return this.#refusals.returnToService(id);
  }

  overlayOf(run: LiveRun): Overlay {
    return this.#world.overlayOf(run);
  }

  /** The kernel does not keep it: one object serves all commands. */
  #context(): Context {
    this.#now.now = this.#clock.now();
    return this.#now;
  }

  #push(
    run: LiveRun,
    happened: readonly RunEvent[],
    start: RunRow | undefined,
    update: RunUpdate | undefined,
    onDurable: OnDurable | undefined,
  ): void {
    const facts = this.#observer === undefined ? undefined : happened;
    const entry = entryOf(run, happened, start, update, facts, onDurable);
    this.pipeline.add(run, entry);
    if (!isAtRest(run.state)) this.#settleOn(run);
  }
}
