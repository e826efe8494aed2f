/**
 * The runs that this node works on: brought into memory from the journal, held there while there is
 * something to do, and evicted when they end, sleep, or cannot continue. What happens to them while
 * they are here passes the gate (`run-gate.ts`).
 *
 *   journal ──load, loadAll──► live ──evict, unloadIfIdle──► asleep or over
 *      ▲                        │
 *      └──── foldAgain ─────────┘   its memory is ahead of the journal, or its step was refused
 */
import type { StoredRun } from '../../journal/runs.ts';
import { TuttiError } from '../../model/errors.ts';
import type { Observer } from '../observer.ts';
import { Elsewhere, failures } from './absence.ts';
import { Leavings } from './leavings.ts';
import type { LiveRun } from './live-run.ts';
import type { RunListener } from './run-listener.ts';
import type { RunLoader } from './run-loader.ts';
import type { Reading } from './shelf.ts';
import type { World } from './world.ts';

/** The gate: what a run left undecided when it was written is decided there. */
export interface LoadListener {
  /** The run has come into memory from the journal, and the world follows it. */
  loaded(run: LiveRun): void;
}

export class RunMemory {
  readonly live = new Map<string, LiveRun>();
  readonly #loader: RunLoader;
  readonly #observer: Observer | undefined;
  readonly #loading = new Map<string, Promise<LiveRun | null>>();
  readonly #leavings: Leavings;
  /** Runs that left memory while they were being loaded. */
  readonly #passed = new Set<string>();
  #world!: World;
  #listener!: RunListener;
  #gate!: LoadListener;
  #stopped = false;

  constructor(loader: RunLoader, observer: Observer | undefined) {
    this.#loader = loader;
    this.#observer = observer;
    this.#leavings = new Leavings((run) => this.#world.quiescent(run));
  }

  /** Closes the ring. Called once, before anything else. */
  connect(world: World, listener: RunListener, gate: LoadListener): void {
    this.#world = world;
    this.#listener = listener;
    this.#gate = gate;
  }

  /** From now on no run is brought into memory. */
  stop(): void {
    this.#stopped = true;
    this.#world.stop(this.live.values());
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** The run in memory, from the journal if need be; null when there is no such run. */
  async load(id: string): Promise<LiveRun | null> {
    return this.live.get(id) ?? this.#loading.get(id) ?? this.#remember(id, this.#fetch(id));
  }

  /**
   * Brings many of this node's runs into memory, those that are not here yet in one question.
   * What could not be brought for now is returned.
   */
  async loadAll(ids: readonly string[]): Promise<readonly string[]> {
    const away = ids.filter((id) => !this.live.has(id) && !this.#loading.has(id));
    const stored = this.#loader.fetchMany(away);
    for (const id of away) {
      if (this.#leavings.has(id)) {
        // ignored: it stands in #loading by now, and what becomes of it is asked below.
        void this.load(id).catch(() => undefined);
        continue;
      }
      const load = stored.then(async (runs) => {
        const run = await this.#install(id, runs.get(id) ?? null);
        // It has ended meanwhile: nothing will ever make it leave.
        if (run?.state.end !== undefined) this.unloadIfIdle(run);
        return run;
      });
      // ignored: the same.
      void this.#remember(id, load).catch(() => undefined);
    }
    return failures(ids, (id) =>
      // Who asked before it was ours may be told that it is another's: that was so, and is no more.
      this.#loading.get(id)?.catch((error: unknown) => {
        if (error instanceof Elsewhere) return this.load(id);
        throw error;
      }),
    );
  }

  #remember(id: string, load: Promise<LiveRun | null>): Promise<LiveRun | null> {
    const loading = load.finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    return loading;
  }

  async #fetch(id: string): Promise<LiveRun | null> {
    await this.#leavings.over(id);
    return this.#install(id, await this.#loader.fetch(id));
  }

  /** From here on the run is in memory, and the world follows it. */
  async #install(id: string, stored: StoredRun | null): Promise<LiveRun | null> {
    if (stored !== null) this.#loader.confirmMine(stored);
    const run = stored && (await this.#loader.fold(stored));
    // It came into memory and left it while the journal was asked: what it wrote may be missing.
    if (this.#passed.delete(id)) return this.#fetch(id);
    if (run === null || this.#stopped) return run;
    const meanwhile = this.live.get(id);
    if (meanwhile !== undefined) return meanwhile;
    this.admit(run);
    this.#world.adopt(run);
    this.#gate.loaded(run);
    return run;
  }

  /**
   * Does `work` to the run while it is in memory; null when there is no such run. Between a
   * promise and whoever awaits it a run may leave memory again (another's command was refused, it
   * went to sleep), and what is then done to that object is lost.
   */
  async withRun<T>(id: string, work: (run: LiveRun) => T): Promise<T | null> {
    for (;;) {
      const run = await this.load(id);
      if (run === null) return null;
      if (run.resident) return work(run);
      if (this.#stopped) throw new TuttiError('node.stopping');
    }
  }

  /** The fold of a run that may stay where it is. */
  async read(id: string): Promise<Reading | null> {
    const known = this.live.get(id);
    return known === undefined ? this.#loader.read(id) : { run: known, live: true };
  }

  /** A run that begins, or that was folded. */
  admit(run: LiveRun): void {
    this.live.set(run.id, run);
    run.resident = true;
  }

  /** Evicts a run that a command without effect brought into memory. */
  unloadIfIdle(run: LiveRun): void {
    const asleep = run.state.end !== undefined || run.row.wakeAt !== null;
    if (!asleep || run.busy > 0 || run.pending.length > 0 || run.committing !== null) return;
    this.evict(run);
  }

  evict(run: LiveRun, comesBack = false): void {
    if (!run.resident) return;
    // First of all: what it gives back may let another attempt of this very run begin.
    run.resident = false;
    this.live.delete(run.id);
    this.#world.evict(run, comesBack);
    if (this.#loading.has(run.id)) this.#passed.add(run.id);
    this.#listener.unloaded(run.state.end === undefined ? (run.row.wakeAt ?? Infinity) : Infinity);
  }

  /** Its memory may be ahead of the journal: it is folded again. */
  foldAgain(run: LiveRun): void {
    if (!run.resident) return;
    const isWritten = run.durable > 0 || run.pending.length > 0 || run.committing !== null;
    this.#leave(run);
    if (isWritten) void this.reload(run.id);
  }

  #leave(run: LiveRun): void {
    this.#leavings.begin(run);
    this.evict(run, true);
  }

  /** Something of a run that left memory was written, or will never be. */
  checkLeaving(run: LiveRun): void {
    this.#leavings.check(run);
  }

  /** What the run decided will never be written; `comesBack`: the run is to continue without it. */
  discard(run: LiveRun, comesBack: boolean): void {
    if (!comesBack) this.evict(run);
    else if (run.resident) this.#leave(run);
    this.#leavings.check(run);
  }

  /** A run of this node that nothing else brings back. */
  async reload(id: string): Promise<void> {
    if (this.#stopped) return;
    const left = await failures([id], () => this.withRun(id, (run) => this.unloadIfIdle(run)));
    if (left.length > 0) this.#listener.postponed(left);
  }

  /** From now on no node touches the run: nor does this one bring it into memory meanwhile. */
  async setAside(id: string, reason: string): Promise<void> {
    await this.#leavings.over(id);
    try {
      await this.#leavings.during(id, () => this.#loader.setAside(id, reason));
    } catch (error) {
      this.#observer?.troubled('setting a run aside', error, { run: id });
      this.#listener.postponed([id]);
    }
  }
}
