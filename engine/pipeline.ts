/**
 * Group commit (law 5): the entries of all runs go to the book through one pipeline.
 *
 *   step → entry → [ gathers while every connection is busy ] → one batch, one transaction
 *                                                                    │ committed
 *                                                                    ▼
 *                                       in order of the run: effects, answers, followers
 *
 * There is no timer: a batch goes as soon as a connection is free, so batches grow with load.
 * A run is in one batch at a time; that keeps its events in order on several connections.
 */
import type { Batch, EventRow, Journal, NodeLease, RunRow, RunUpdate } from '../journal/journal.ts';
import { TuttiError } from '../model/errors.ts';
import { Admission } from './admission.ts';
import type { Clock } from './clock.ts';
import { Fifo } from './fifo.ts';
import type { Entry, LiveRun } from './live-run.ts';
import type { Observer } from './observer.ts';

const MOST_EVENTS = 1_000;
/** Above this many unwritten events the door lets nobody in until the book has caught up. */
const MOST_WAITING = 50_000;

export interface PipelineListener {
  committed(run: LiveRun, entries: readonly Entry[]): void;
  /** The batch was refused for good; the runs must be dropped from memory. */
  refused(runs: readonly LiveRun[], error: TuttiError): void;
}

export class Pipeline {
  readonly #journal: Journal;
  readonly #lease: NodeLease;
  readonly #clock: Clock;
  readonly #listener: PipelineListener;
  readonly #observer: Observer | undefined;
  /** Where new runs wait for their turn. */
  readonly admission = new Admission(() => this.#waiting);
  readonly #ready = new Fifo<LiveRun>();
  readonly #room: (() => void)[] = [];
  #flights = 0;
  #waiting = 0;
  #kicked = false;
  #idle: (() => void)[] = [];
  #closed: TuttiError | undefined;

  constructor(
    journal: Journal,
    lease: NodeLease,
    clock: Clock,
    listener: PipelineListener,
    observer?: Observer,
  ) {
    this.#journal = journal;
    this.#lease = lease;
    this.#clock = clock;
    this.#listener = listener;
    this.#observer = observer;
  }

  /** Events that are not durable yet. */
  get depth(): number {
    return this.#waiting;
  }

  add(run: LiveRun, entry: Entry): void {
    if (this.#closed !== undefined) {
      entry.settled?.(this.#closed);
      return;
    }
    run.pending.push(entry);
    this.#waiting += entry.events.length;
    if (run.flying) return;
    if (run.pending.length === 1) this.#ready.push(run);
    this.#kick();
  }

  /** Resolves when there is room for another command: what waits is bounded in memory. */
  room(): Promise<void> {
    if (this.#waiting < MOST_WAITING) return Promise.resolve();
    return new Promise((resolve) => this.#room.push(resolve));
  }

  /** Resolves when everything handed over so far is durable. */
  idle(): Promise<void> {
    if (this.#ready.size === 0 && this.#flights === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #kick(): void {
    if (this.#kicked || this.#flights >= this.#journal.width) return;
    this.#kicked = true;
    this.#clock.soon(() => {
      this.#kicked = false;
      while (
        this.#closed === undefined &&
        this.#flights < this.#journal.width &&
        this.#ready.size > 0
      ) {
        void this.#send(this.#gather());
      }
    });
  }

  #gather(): Map<LiveRun, Entry[]> {
    const taken = new Map<LiveRun, Entry[]>();
    let events = 0;
    while (events < MOST_EVENTS) {
      const run = this.#ready.shift();
      if (run === undefined) break;
      const entries: Entry[] = [];
      while (events < MOST_EVENTS && run.pending[entries.length] !== undefined) {
        const entry = run.pending[entries.length] as Entry;
        entries.push(entry);
        events += entry.events.length + 1;
      }
      run.pending.splice(0, entries.length);
      run.flying = true;
      taken.set(run, entries);
    }
    return taken;
  }

  async #send(taken: Map<LiveRun, Entry[]>): Promise<void> {
    this.#flights += 1;
    try {
      await this.#append(taken);
    } catch (error) {
      this.fail(taken, unknownOutcome(error));
    } finally {
      this.#flights -= 1;
    }
    this.#makeRoom();
    this.admission.batchWritten();
    this.#kick();
    if (this.#ready.size === 0 && this.#flights === 0)
      this.#idle.splice(0).forEach((resolve) => resolve());
  }

  async #append(taken: Map<LiveRun, Entry[]>): Promise<void> {
    const batch = batchOf(taken);
    const committed = this.#observer?.sent(batch.events.length, taken.size);
    const result = await this.#journal.append(this.#lease, batch);
    switch (result.kind) {
      case 'committed':
        committed?.();
        this.#journal.ring('feed');
        this.#landed(taken);
        return;
      case 'fenced':
        this.close(new TuttiError('node.fenced'));
        this.fail(taken, this.#closed ?? new TuttiError('node.fenced'));
        return;
      case 'key-exists': {
        // Nothing of the batch was written: refuse the one that collided and write the others.
        const rest = new Map(taken);
        const refused = new Map<LiveRun, Entry[]>();
        for (const [run, entries] of taken) {
          if (run.id !== result.run) continue;
          rest.delete(run);
          refused.set(run, entries);
        }
        this.fail(refused, new TuttiError('run.exists'));
        if (rest.size > 0) await this.#append(rest);
      }
    }
  }

  #landed(taken: Map<LiveRun, Entry[]>): void {
    for (const [run, entries] of taken) {
      run.flying = false;
      for (const entry of entries) {
        run.durable = entry.seq;
        this.#waiting -= entry.events.length;
      }
      if (run.pending.length > 0) this.#ready.push(run);
    }
    for (const [run, entries] of taken) this.#listener.committed(run, entries);
  }

  /** Entries that will never be durable: whoever waits for them is told, and the runs are dropped. */
  fail(taken: Map<LiveRun, Entry[]>, error: TuttiError): void {
    this.#listener.refused([...taken.keys()], error);
    for (const [run, entries] of taken) {
      run.flying = false;
      for (const entry of [...entries, ...run.pending.splice(0)]) {
        this.#waiting -= entry.events.length;
        entry.settled?.(error);
      }
    }
  }

  #makeRoom(): void {
    if (this.#waiting < MOST_WAITING / 2) this.#room.splice(0).forEach((resolve) => resolve());
  }

  /** From now on nothing is written by this node. */
  close(error: TuttiError): void {
    this.#closed ??= error;
    this.admission.close();
    this.#room.splice(0).forEach((resolve) => resolve());
  }
}

function batchOf(taken: Map<LiveRun, Entry[]>): Batch {
  const starts: RunRow[] = [];
  const events: EventRow[] = [];
  const updates: RunUpdate[] = [];
  for (const entries of taken.values()) {
    let update: RunUpdate | undefined;
    for (const entry of entries) {
      if (entry.start !== undefined) starts.push(entry.start);
      for (const event of entry.events) events.push(event);
      update = entry.update ?? update;
    }
    if (update !== undefined) updates.push(update);
  }
  return { starts, events, updates };
}

/** The batch was sent, and the book was closed before it answered: it may have been written. */
function unknownOutcome(error: unknown): TuttiError {
  if (error instanceof TuttiError && error.code === 'node.stopping')
    return new TuttiError('command.unanswered', error.message, { cause: error });
  if (error instanceof TuttiError) return error;
  return new TuttiError('internal', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}
