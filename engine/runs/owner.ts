/**
 * The owner of runs: holds each run that this node works on in memory, passes commands through
 * the kernel, hands what it decides to the pipeline, and, once that is durable, lets the world
 * follow (law 4, `world.ts`), tells parents, puts runs to sleep.
 */
import type { RunRow, RunUpdate } from '../../journal/append.ts';
import type { Journal } from '../../journal/journal.ts';
import type { StoredRun } from '../../journal/runs.ts';
import type { Context, Overlay } from '../../kernel/run/machine.ts';
import { first, isAtRest, runStatusOf, settleOn, step } from '../../kernel/run/machine.ts';
import { isRefusal } from '../../model/refusal.ts';
import type { Mutable } from '../../model/mutable.ts';
import { TuttiError } from '../../model/errors.ts';
import type { AttemptReport, DoorCommand, Refusal, RunEvent, RunStarted } from '../../model/run.ts';
import { Elsewhere, failures, isAside } from './absence.ts';
import type { Clock } from '../clock.ts';
import { Wait } from '../../model/wait-for.ts';
import { foldOf, Unfoldable } from './fold.ts';
import { Leavings } from './leavings.ts';
import { type Entry, type LiveRun, newLiveRun, type Settled } from './live-run.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import { Pipeline, type PipelineListener } from './pipeline.ts';
import { Refusals } from './refusals.ts';
import type { RunListener } from './run-listener.ts';
import { fallsAsleep, wakeAtOf } from './sleep.ts';
import { type Reading, Shelf } from './shelf.ts';
import { rowOf, startRowOf, updateOf } from './rows.ts';
import type { Versions } from './versions.ts';
import type { World } from './world.ts';

export interface OwnerParts {
  readonly journal: Journal;
  readonly versions: Versions;
  readonly clock: Clock;
  /** What the kernel is given beside the time. */
  readonly context: Omit<Context, 'now'>;
  readonly identity: NodeIdentity;
  readonly observer: Observer | undefined;
}

export class Owner implements PipelineListener {
  readonly live = new Map<string, LiveRun>();
  readonly #parts: OwnerParts;
  readonly #loading = new Map<string, Promise<LiveRun | null>>();
  /** Starts for which there was no room, until they are written. */
  readonly #givenAway = new Map<string, Promise<void>>();
  readonly #now: Mutable<Context>;
  readonly #leavings: Leavings;
  readonly #refusals: Refusals;
  readonly #shelf: Shelf;
  readonly #pipeline: Pipeline;
  /** Runs that left memory while they were being loaded. */
  readonly #passed = new Set<string>();
  #world!: World;
  #listener!: RunListener;
  #stopped = false;

  constructor(parts: OwnerParts) {
    this.#parts = parts;
    this.#now = { now: 0, ...parts.context };
    this.#leavings = new Leavings((run) => this.#world.quiescent(run));
    this.#shelf = new Shelf(parts);
    this.#pipeline = new Pipeline(parts.journal, parts.identity, parts.clock, this, parts.observer);
    this.#refusals = new Refusals({
      takeUp: (run) => void this.#takeUpAgain(run),
      setAside: (run, reason) => void this.#setAsideAlone(run, reason),
    });
  }

  /** Closes the ring: the world drives runs through this owner. Called once, before anything else. */
  connect(world: World, listener: RunListener): void {
    this.#world = world;
    this.#listener = listener;
  }

  get pipeline(): Pipeline {
    return this.#pipeline;
  }

  /** From now on nothing new is begun; what is on its way to the book still lands. */
  stop(): void {
    this.#stopped = true;
    this.#world.stop(this.live.values());
  }

  /** Creates a run. `full`: memory is, so it is written as nobody's, for a node that has room. */
  begin(id: string, event: RunStarted, directory: string, full: boolean, settled: Settled): void {
    const { state, events } = first(id, event, this.#context());
    const run = newLiveRun(state, directory, 0);
    try {
      this.#enter(run, events, full && state.end === undefined, settled);
    } catch (error) {
      this.#evict(run);
      throw error;
    }
  }

  #enter(run: LiveRun, events: readonly RunEvent[], unowned: boolean, settled: Settled): void {
    const { id, state } = run;
    if (!unowned) this.#admit(run);
    const wakeAt = unowned ? state.createdAt : wakeAtOf(run, this.#parts.clock);
    run.row = { status: runStatusOf(state), wakeAt, version: state.version };
    const start = startRowOf(state, wakeAt);
    // A run that is over at once is inserted with its end.
    const update = state.end === undefined ? undefined : updateOf(state, null);
    if (!unowned) this.#push(run, events, start, update, settled);
    else this.#push(run, events, { ...start, unowned }, update, this.#giveAway(id, settled));
  }

  /** Should this node claim it after all, then not before it has heard that it is written. */
  #giveAway(id: string, settled: Settled): Settled {
    const written = new Wait();
    this.#givenAway.set(id, written.over);
    return (error) => {
      this.#givenAway.delete(id);
      written.end();
      settled(error);
    };
  }

  /** Passes a command through the kernel. `settled` is called once it is durable. */
  apply(
    run: LiveRun,
    command: DoorCommand | AttemptReport,
    settled?: Settled,
  ): Refusal | undefined {
    try {
      return this.#step(run, command, settled);
    } catch (error) {
      this.#forget(run);
      throw error;
    }
  }

  #step(
    run: LiveRun,
    command: DoorCommand | AttemptReport,
    settled: Settled | undefined,
  ): Refusal | undefined {
    const events = step(run.state, command, this.#context());
    if (isRefusal(events)) return events;
    if (events.length === 0 && run.pending.length === 0 && run.committing === null) {
      settled?.();
      return undefined;
    }
    // A task that is reopened comes before the restart of what follows it.
    if (events[0]?.type === 'RunRestarted' || events[1]?.type === 'RunRestarted')
      settled = this.#world.renumber(run, settled);
    this.#decided(run, events, settled);
    return undefined;
  }

  #decided(run: LiveRun, events: readonly RunEvent[], settled: Settled | undefined): void {
    const { state } = run;
    const wakeAt = wakeAtOf(run, this.#parts.clock);
    const status = runStatusOf(state);
    const { row } = run;
    let update: RunUpdate | undefined;
    const same = row.status === status && row.wakeAt === wakeAt && row.version === state.version;
    // A failed run that fails again, by hand: its view says when.
    if (!same || state.end !== undefined) {
      run.row = { status, wakeAt, version: state.version };
      update = updateOf(state, wakeAt);
    }
    this.#push(run, events, undefined, update, settled);
  }

  /** What a step has left undecided comes when others have had their turn. */
  #settleOn(run: LiveRun): void {
    if (run.settling) return;
    run.settling = true;
    this.#parts.clock.soon(() => {
      run.settling = false;
      if (!run.resident || this.#stopped || isAtRest(run.state)) return;
      try {
        this.#decided(run, settleOn(run.state, this.#context()), undefined);
      } catch (error) {
        this.#parts.observer?.troubled('deciding what a step had left', error, { run: run.id });
        this.#forget(run);
      }
    });
  }

  /** The run in memory, from the journal if need be; null when there is no such run. */
  async hold(id: string): Promise<LiveRun | null> {
    const known = this.live.get(id);
    if (known !== undefined) return known;
    const loading = this.#loading.get(id);
    if (loading !== undefined) return loading;
    return this.#remember(id, this.#load(id));
  }

  /**
   * Brings many of this node's runs into memory, those that are not here yet in one question.
   * What could not be brought for now is returned.
   */
  async takeUp(ids: readonly string[]): Promise<readonly string[]> {
    const away = ids.filter((id) => !this.live.has(id) && !this.#loading.has(id));
    const stored = this.#loadMany(away);
    for (const id of away) {
      if (this.#leavings.has(id)) {
        // ignored: it stands in #loading by now, and what becomes of it is asked below.
        void this.hold(id).catch(() => undefined);
        continue;
      }
      const load = stored.then(async (runs) => {
        const run = await this.#install(id, runs.get(id) ?? null);
        // It has ended meanwhile: nothing will ever make it leave.
        if (run?.state.end !== undefined) this.release(run);
        return run;
      });
      // ignored: the same.
      void this.#remember(id, load).catch(() => undefined);
    }
    return failures(ids, (id) =>
      // Who asked before it was ours may be told that it is another's: that was so, and is no more.
      this.#loading.get(id)?.catch((error: unknown) => {
        if (error instanceof Elsewhere) return this.hold(id);
        throw error;
      }),
    );
  }

  async #loadMany(ids: readonly string[]): Promise<ReadonlyMap<string, StoredRun>> {
    if (ids.length === 0) return new Map();
    return new Map((await this.#parts.journal.loadMany(ids)).map((run) => [run.summary.id, run]));
  }

  #remember(id: string, load: Promise<LiveRun | null>): Promise<LiveRun | null> {
    const loading = load.finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    return loading;
  }

  /**
   * Does `work` to the run while it is in memory; null when there is no such run. Between a
   * promise and whoever awaits it a run may leave memory again (another's command was refused, it
   * went to sleep), and what is then done to that object is done to nobody.
   */
  async with<T>(id: string, work: (run: LiveRun) => T): Promise<T | null> {
    for (;;) {
      const run = await this.hold(id);
      if (run === null) return null;
      if (run.resident) return work(run);
      if (this.#stopped) throw new TuttiError('node.stopping');
    }
  }

  /** The fold of a run that may stay where it is. */
  async read(id: string): Promise<Reading | null> {
    const known = this.live.get(id);
    return known === undefined ? this.#shelf.read(id) : { run: known, live: true };
  }

  /** Sleeping runs are due: they are in memory from now on, and the journal says so. */
  async wakeAll(ids: readonly string[]): Promise<readonly string[]> {
    await this.takeUp(ids);
    return failures(ids, (id) => this.#wake(id));
  }

  async #wake(id: string): Promise<void> {
    await this.with(id, (run) => {
      if (run.row.wakeAt === null || run.state.end !== undefined) {
        this.release(run);
        return undefined;
      }
      this.#parts.observer?.woken(this.#parts.clock.now() - run.row.wakeAt);
      run.row = { ...run.row, wakeAt: null };
      return new Promise<void>((resolve) => {
        this.#push(run, [], undefined, updateOf(run.state, null), () => resolve());
      });
    });
  }

  /** A run that was set aside and can be read goes on here; false when it is not set aside any more. */
  async reinstate(id: string): Promise<boolean> {
    const { journal, identity } = this.#parts;
    this.#refusals.forgive(id);
    const taken = await journal.reinstate(identity.lease, id);
    if (taken) await this.#takeUpAgain(id);
    return taken;
  }

  /** Lets go of a run that a command without effect brought into memory. */
  release(run: LiveRun): void {
    const asleep = run.state.end !== undefined || run.row.wakeAt !== null;
    if (!asleep || run.busy > 0 || run.pending.length > 0 || run.committing !== null) return;
    this.#evict(run);
  }

  overlay(run: LiveRun): Overlay {
    return this.#world.overlayOf(run);
  }

  committed(run: LiveRun, entries: readonly Entry[]): void {
    for (const { facts } of entries)
      if (facts !== undefined) this.#parts.observer?.decided(run.state, facts);
    if (!run.resident) {
      for (const entry of entries) entry.settled?.();
      this.#leavings.look(run);
      this.#listener.durable(run.id, run.durable);
      return;
    }
    const quiet = run.pending.length === 0 && run.committing === null;
    const leaving = quiet && run.busy === 0 && run.row.wakeAt !== null;
    for (const entry of entries) {
      entry.settled?.();
      if (this.#stopped || leaving) continue;
      this.#world.follow(run, entry.touched);
    }
    this.#listener.durable(run.id, run.durable);
    if (!quiet || this.#stopped) return;
    if (run.state.untold !== undefined) this.#listener.reopened(run);
    if (run.state.end !== undefined) this.#over(run);
    else if (leaving) this.#evict(run);
    else if (fallsAsleep(run, this.#parts.clock)) this.#decided(run, [], undefined);
    else this.#world.setRunTimer(run);
  }

  /** What these runs decided will never be written; `lost`: what it was. */
  refused(runs: readonly LiveRun[], error: TuttiError, lost?: readonly Entry[]): void {
    for (const run of runs) {
      if (lost === undefined) this.#evict(run);
      else if (run.resident) this.#leave(run);
      this.#leavings.look(run);
    }
    if (error.code === 'node.fenced') this.#listener.fenced(error);
    if (lost === undefined || this.#stopped) return;
    for (const run of runs) this.#refusals.note(run, lost, error);
  }

  /** The kernel does not keep it: one object serves all commands. */
  #context(): Context {
    this.#now.now = this.#parts.clock.now();
    return this.#now;
  }

  #push(
    run: LiveRun,
    happened: readonly RunEvent[],
    start: RunRow | undefined,
    update: RunUpdate | undefined,
    settled: Settled | undefined,
  ): void {
    const { state } = run;
    const { touched, seq } = state;
    state.touched = [];
    const firstSeq = seq - happened.length;
    // Most steps are one event.
    const events =
      happened.length === 1
        ? [rowOf(run.id, firstSeq, happened[0] as RunEvent)]
        : happened.map((event, index) => rowOf(run.id, firstSeq + index, event));
    let characters = 0;
    for (const { data } of events) characters += data.length;
    for (const node of touched) run.touchedAt[node] = seq;
    const facts = this.#parts.observer === undefined ? undefined : happened;
    const entry = { start, events, characters, update, touched, seq, facts, settled };
    this.#pipeline.add(run, entry);
    if (!isAtRest(state)) this.#settleOn(run);
  }

  async #load(id: string): Promise<LiveRun | null> {
    const { journal, identity } = this.#parts;
    await this.#leavings.over(id);
    const stored = await journal.load(id);
    if (stored?.summary.aside !== undefined) throw isAside(id, stored.summary.aside);
    if (stored === null || stored.owner === identity.lease.node) return this.#install(id, stored);
    const claimed = await journal.claimRun(identity.lease, id);
    if (claimed === null) return null;
    if (claimed !== 'mine') return this.#isNotMine(id, claimed.owner);
    this.#parts.observer?.noted({ is: 'claimed', runs: 1 });
    // What stands there may be older than the claim: until then somebody else could write.
    const mine = await journal.load(id);
    return this.#install(id, mine);
  }

  #isNotMine(id: string, owner: number | null): never {
    // Ours by name only: this process has been fenced and another one took its place.
    if (owner === this.#parts.identity.lease.node || owner === null)
      throw new TuttiError('node.fenced');
    throw new Elsewhere(id, owner);
  }

  /** From here on the run is in memory, and the world follows it. */
  async #install(id: string, stored: StoredRun | null): Promise<LiveRun | null> {
    if (stored !== null && stored.owner !== this.#parts.identity.lease.node)
      this.#isNotMine(id, stored.owner);
    await this.#givenAway.get(id);
    const run = stored && (await this.#fold(stored));
    // It came into memory and left it while the journal was asked: what it wrote may be missing.
    if (this.#passed.delete(id)) return this.#load(id);
    if (run === null) return null;
    if (this.#stopped) return run;
    const meanwhile = this.live.get(id);
    if (meanwhile !== undefined) return meanwhile;
    this.#admit(run);
    this.#world.adopt(run);
    if (!isAtRest(run.state)) this.#settleOn(run);
    if (run.state.untold !== undefined) this.#listener.reopened(run);
    return run;
  }

  async #fold(stored: StoredRun): Promise<LiveRun> {
    const { id, aside } = stored.summary;
    if (aside !== undefined) throw isAside(id, aside);
    try {
      return await foldOf(stored, this.#parts.versions, this.#parts.clock);
    } catch (error) {
      if (!(error instanceof Unfoldable)) throw error;
      await this.#setAside(id, error.message);
      throw isAside(id, error.message);
    }
  }

  /** One run must not stop the others: from now on no node touches it, until somebody repairs it. */
  async #setAside(id: string, reason: string): Promise<void> {
    const { journal, identity, observer } = this.#parts;
    await journal.setAside(identity.lease, id, reason);
    observer?.noted({ is: 'set-aside', run: id, reason });
  }

  /** The same while nobody brings it into memory. */
  async #setAsideAlone(id: string, reason: string): Promise<void> {
    await this.#leavings.over(id);
    try {
      await this.#leavings.during(id, () => this.#setAside(id, reason));
    } catch (error) {
      this.#parts.observer?.troubled('setting a run aside', error, { run: id });
      this.#listener.postponed([id]);
    }
  }

  /** Its memory may be ahead of the book: it is folded again. */
  #forget(run: LiveRun): void {
    if (!run.resident) return;
    const isWritten = run.durable > 0 || run.pending.length > 0 || run.committing !== null;
    this.#leave(run);
    if (isWritten) void this.#takeUpAgain(run.id);
  }

  #leave(run: LiveRun): void {
    this.#leavings.begin(run);
    this.#evict(run, true);
  }

  async #takeUpAgain(id: string): Promise<void> {
    if (this.#stopped) return;
    const left = await failures([id], () => this.with(id, (run) => this.release(run)));
    if (left.length > 0) this.#listener.postponed(left);
  }

  #admit(run: LiveRun): void {
    this.live.set(run.id, run);
    run.resident = true;
  }

  #over(run: LiveRun): void {
    this.#evict(run);
    this.#listener.ended(run.state);
  }

  #evict(run: LiveRun, comesBack = false): void {
    if (!run.resident) return;
    // First of all: what it gives back may let another attempt of this very run begin.
    run.resident = false;
    this.live.delete(run.id);
    this.#world.evict(run, comesBack);
    if (this.#loading.has(run.id)) this.#passed.add(run.id);
    this.#listener.unloaded(run.state.end === undefined ? (run.row.wakeAt ?? Infinity) : Infinity);
  }
}
