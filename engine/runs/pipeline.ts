/**
 * Group commit (law 5): the entries of all runs go to the journal through one pipeline.
 *
 *   step → entry → [ gathers while every connection is busy ] → one batch, one transaction
 *                                                                    │ committed
 *                                                                    ▼
 *                                       in order of the run: effects, answers, followers
 *
 * A batch that the database refuses for good is halved until only those are refused that are to
 * blame; everybody else's events are written.
 *
 * There is no timer: a batch goes as soon as a connection is free, so batches grow with load.
 * A run is in one batch at a time; that keeps its events in order on several connections.
 */
import type { Journal } from '../../journal/journal.ts';
import { TuttiError } from '../../model/errors.ts';
import type { Clock } from '../clock.ts';
import { batchOf, gather } from './batch.ts';
import { Fifo } from '../fifo.ts';
import type { Entry, LiveRun } from './live-run.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import { Unwritten } from './unwritten.ts';

export interface PipelineListener {
  committed(run: LiveRun, entries: readonly Entry[]): void;
  /** Refused for good, the runs must be dropped from memory. `lost`: the entries, where only they are to blame. */
  refused(runs: readonly LiveRun[], error: TuttiError, lost?: readonly Entry[]): void;
}

export class Pipeline {
  readonly #journal: Journal;
  readonly #identity: NodeIdentity;
  readonly #clock: Clock;
  readonly #listener: PipelineListener;
  readonly #observer: Observer | undefined;
  readonly unwritten = new Unwritten();
  readonly #ready = new Fifo<LiveRun>();
  #appendsInFlight = 0;
  #kicked = false;
  #idle: (() => void)[] = [];
  #closed: TuttiError | undefined;

  constructor(
    journal: Journal,
    identity: NodeIdentity,
    clock: Clock,
    listener: PipelineListener,
    observer?: Observer,
  ) {
    this.#journal = journal;
    this.#identity = identity;
    this.#clock = clock;
    this.#listener = listener;
    this.#observer = observer;
  }

  add(run: LiveRun, entry: Entry): void {
    if (this.#closed !== undefined) {
      entry.onDurable?.(this.#closed);
      return;
    }
    this.unwritten.add(entry);
    // A list that is made with its only entry has room for no other: most have no other.
    if (run.pending.length === 0) run.pending = [entry];
    else run.pending.push(entry);
    if (run.committing !== null) return;
    if (run.pending.length === 1) this.#ready.push(run);
    this.#kick();
  }

  /** Resolves when everything handed over so far is durable. */
  idle(): Promise<void> {
    if (this.#ready.size === 0 && this.#appendsInFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #kick(): void {
    if (this.#kicked || this.#appendsInFlight >= this.#journal.appendConcurrency) return;
    this.#kicked = true;
    this.#clock.soon(() => {
      this.#kicked = false;
      let free = this.#journal.appendConcurrency - this.#appendsInFlight;
      for (; this.#closed === undefined && free > 0 && this.#ready.size > 0; free--) {
        void this.#send(gather(this.#ready, free));
      }
    });
  }

  async #send(taken: readonly LiveRun[]): Promise<void> {
    this.#appendsInFlight += 1;
    try {
      await this.#append(taken);
    } catch (error) {
      this.fail(taken, unknownOutcome(error));
    } finally {
      this.#appendsInFlight -= 1;
    }
    this.unwritten.batchWritten();
    if (this.#closed !== undefined) this.#giveUp(this.#closed);
    this.#kick();
    if (this.#ready.size === 0 && this.#appendsInFlight === 0)
      this.#idle.splice(0).forEach((resolve) => resolve());
  }

  async #append(taken: readonly LiveRun[]): Promise<void> {
    const batch = batchOf(taken);
    const committed = this.#observer?.sent(batch.events.length, taken.length);
    const result = await this.#journal.append(this.#identity.lease, batch);
    switch (result.kind) {
      case 'committed':
        committed?.();
        this.#journal.notify('feed');
        this.#landed(taken);
        return;
      case 'fenced':
        this.close(new TuttiError('node.fenced'));
        this.fail(taken, this.#closed ?? new TuttiError('node.fenced'));
        return;
      case 'key-exists': {
        // Nothing of the batch was written: refuse the one that collided and write the others.
        const isRefused = (run: LiveRun) => run.id === result.run;
        this.fail(taken.filter(isRefused), new TuttiError('run.exists'));
        const rest = taken.filter((run) => !isRefused(run));
        if (rest.length > 0) await this.#append(rest);
        return;
      }
      case 'refused':
        await this.#separate(taken, result.runs, result.error);
    }
  }

  /** Nothing of the batch was written: what is to blame for that must not hurt the others. */
  async #separate(
    taken: readonly LiveRun[],
    named: readonly string[] | null,
    error: TuttiError,
  ): Promise<void> {
    const guilty = taken.filter((run) => named?.includes(run.id) ?? taken.length === 1);
    if (guilty.length > 0) {
      for (const run of guilty) this.#refuse(run, error);
      const innocent = taken.filter((run) => !guilty.includes(run));
      if (innocent.length > 0) await this.#append(innocent);
      return;
    }
    const half = Math.ceil(taken.length / 2);
    await this.#append(taken.slice(0, half));
    await this.#append(taken.slice(half));
  }

  #refuse(run: LiveRun, error: TuttiError): void {
    this.#observer?.noted({ is: 'append-refused', run: run.id, reason: error.message });
    const lost = [...(run.committing ?? []), ...run.pending];
    this.#drop(run, error);
    this.#listener.refused([run], error, lost);
  }

  #landed(taken: readonly LiveRun[]): void {
    const landed = taken.map((run) => this.#land(run));
    taken.forEach((run, index) => this.#tell(run, landed[index] ?? []));
  }

  /** A mistake that one run brings to light is that run's alone: those after it hear of the batch, too. */
  #tell(run: LiveRun, entries: readonly Entry[]): void {
    try {
      this.#listener.committed(run, entries);
    } catch (error) {
      const reason = unknownOutcome(error);
      this.#listener.refused([run], reason, entries);
      for (const entry of entries) entry.onDurable?.(reason);
    }
  }

  #land(run: LiveRun): readonly Entry[] {
    const entries = run.committing ?? [];
    run.committing = null;
    for (const entry of entries) {
      run.durable = entry.seq;
      this.unwritten.remove(entry);
    }
    if (run.pending.length > 0) this.#ready.push(run);
    return entries;
  }

  /** Entries that will never be durable: whoever waits for them gets an error, and the runs are dropped. */
  fail(taken: readonly LiveRun[], error: TuttiError): void {
    for (const run of taken) this.#drop(run, error);
    this.#listener.refused(taken, error);
  }

  #drop(run: LiveRun, error: TuttiError): void {
    const entries = [...(run.committing ?? []), ...run.pending];
    run.committing = null;
    run.pending = [];
    for (const entry of entries) {
      this.unwritten.remove(entry);
      entry.onDurable?.(error);
    }
  }

  /** From now on nothing is sent by this node: whoever waits for that gets an error. */
  close(error: TuttiError): void {
    this.#closed ??= error;
    this.unwritten.close();
    this.#giveUp(this.#closed);
  }

  #giveUp(error: TuttiError): void {
    const unsent: LiveRun[] = [];
    for (let run = this.#ready.shift(); run !== undefined; run = this.#ready.shift())
      unsent.push(run);
    if (unsent.length > 0) this.fail(unsent, error);
  }
}

/** The batch was sent, and the journal was closed before it answered: it may have been written. */
function unknownOutcome(error: unknown): TuttiError {
  if (error instanceof TuttiError && error.code === 'node.stopping')
    return new TuttiError('command.unanswered', error.message, { cause: error });
  if (error instanceof TuttiError) return error;
  return new TuttiError('internal', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}
