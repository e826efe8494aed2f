/**
 * A run in the memory of its owner: the fold, what of it is durable, and what happens in the
 * world because of it.
 *
 * In the same file, as each holds the other: an attempt of a task on this node, from the dispatcher's
 * queue to its end.
 *
 *   queued ──begin──► running ──finish──► finished ──report──► reported ──close──► closed
 *      │                                     │                                        ▲
 *      └───────────────close─────────────────┴─────────────────close──────────────────┘
 *
 *   queued     waits for slots of its pools, then for a place in its lane
 *   running    has a place in its lane
 *   finished   that place is another's: the work is over, given up, or waits for a person
 *   reported   its outcome has passed the gate: it no longer keeps its run in memory
 *   closed     its end is durable, or it was dropped: its slots are another's
 *
 * To finish or report it once more changes nothing; every other step that the drawing does not have
 * is a bug. Beside it stands the connector's call, which may outlive it:
 *
 *   none ──beginCall──► underway ──endCall──► none
 *                           └──giveUpCall──► overdue ──endCall──► late
 */
import type { Follow, RunState, Work } from '../../kernel/run/machine.ts';
import type { EventRow, RunRow, RunUpdate } from '../../journal/append.ts';
import { bug } from '../../model/errors.ts';
import type { RunEvent } from '../../model/run.ts';
import { isAbandoning, type Stop, StopSignals } from './stop-signals.ts';

/** Called once something is durable, or with the reason why it never will be. */
export type OnDurable = (error?: Error) => void;

/** What one step wrote, waiting for its place in a batch. */
export interface Entry {
  readonly start: RunRow | undefined;
  readonly events: readonly EventRow[];
  /** Of the events' data. */
  readonly characters: number;
  readonly update: RunUpdate | undefined;
  /** Nodes whose effects may have changed. */
  readonly touched: readonly number[];
  /** The run's sequence after this entry. */
  readonly seq: number;
  /** What it says, for the observer; nothing without an observer. */
  readonly facts: readonly RunEvent[] | undefined;
  readonly onDurable: OnDurable | undefined;
}

export interface LiveRun {
  readonly id: string;
  state: RunState;
  /** The folder that the version's file came from. */
  directory: string;
  /** It is the one in its owner's memory: false once it has left it. */
  resident: boolean;
  /** Entries that wait for their place in a batch. */
  pending: Entry[];
  /** Entries on their way to the journal: the next ones wait for them, so order is kept. */
  committing: readonly Entry[] | null;
  /** Events up to here (exclusive) are durable. */
  durable: number;
  /** By node: the sequence after the last step that touched it. */
  readonly touchedAt: number[];
  /** Attempts under way or in the dispatcher's queue, by node. */
  readonly attempts: (Attempt | undefined)[];
  /** Attempts whose outcome has not come through the door yet. */
  busy: number;
  /** By node, and of the run itself: when it is woken, and how to take that back. */
  readonly timers: Map<number | 'run', { readonly at: number; readonly cancel: () => void }>;
  /** The node that the journal names as its owner; null until it is written. */
  owner: number | null;
  /** It is not at rest: it continues in the next turn. */
  settling: boolean;
  /** What the view of runs holds now. */
  row: { status: string; wakeAt: number | null; version: number };
}

export function newLiveRun(state: RunState, directory: string, durable: number): LiveRun {
  return {
    id: state.id,
    state,
    directory,
    resident: false,
    pending: [],
    committing: null,
    durable,
    touchedAt: [],
    attempts: [],
    busy: 0,
    timers: new Map(),
    owner: null,
    settling: false,
    row: { status: 'running', wakeAt: null, version: state.version },
  };
}

type AttemptState = 'queued' | 'running' | 'finished' | 'reported' | 'closed';
type CallState = 'none' | 'underway' | 'overdue' | 'late';

/** What limits the attempts of a task. One object for all of them. */
export interface Limits {
  /** Whose limit on this node they count against. */
  readonly lane: string;
  /** The slots that each holds until it is closed. */
  readonly pools: Readonly<Record<string, number>> | undefined;
}

export class Attempt {
  readonly run: LiveRun;
  /** Changes only when a restart numbers the run's nodes afresh. */
  node: number;
  readonly task: string;
  /** Which attempt of its task it is. */
  readonly number: number;
  readonly limits: Limits;
  /** Its start was durable before this node took it up: what it was doing then. */
  readonly recovered: Follow | undefined;
  /** Is called when the attempt is asked to stop. */
  onStop: ((attempt: Attempt) => void) | undefined;
  #since: number;
  #state: AttemptState;
  #call: CallState;
  #stop: Stop | undefined;
  /** Made when first asked for: most attempts never need it. */
  #signals: StopSignals | undefined;

  constructor(run: LiveRun, work: Work, limits: Limits, since: number) {
    this.run = run;
    this.node = work.node;
    this.task = work.task;
    this.number = work.attempt;
    this.limits = limits;
    this.recovered = work.kind === 'follow' ? work : undefined;
    this.onStop = undefined;
    this.#since = since;
    this.#state = 'queued';
    this.#call = 'none';
    this.#stop = undefined;
    this.#signals = undefined;
    run.busy += 1;
  }

  get key(): string {
    return `${this.run.id}:${this.task}:${this.number}`;
  }

  get state(): AttemptState {
    return this.#state;
  }

  /** When it was queued, then when it began. */
  get since(): number {
    return this.#since;
  }

  get stop(): Stop | undefined {
    return this.#stop;
  }

  /** Its outcome is not wanted here any more. */
  get isAbandoned(): boolean {
    return isAbandoning(this.#stop);
  }

  /** Its outcome is not known here yet, and is wanted. */
  get isOpen(): boolean {
    return this.#state !== 'reported' && this.#state !== 'closed';
  }

  /** A call has begun that has not returned. */
  get isCalling(): boolean {
    return this.#call === 'underway' || this.#call === 'overdue';
  }

  /** Its call was given up, whether it has returned since or not. */
  get isGivenUp(): boolean {
    return this.#call === 'overdue' || this.#call === 'late';
  }

  /** It has a place in its lane. */
  begin(now: number): void {
    if (this.#state !== 'queued') this.#illegal('begin');
    this.#state = 'running';
    this.#since = now;
  }

  /** Its place in the lane is another's: true when it had one until now. */
  finish(): boolean {
    if (this.#state === 'queued') this.#illegal('finish');
    if (this.#state !== 'running') return false;
    this.#state = 'finished';
    return true;
  }

  /** Its outcome has passed the gate. */
  report(): void {
    if (this.#state === 'queued' || this.#state === 'running') this.#illegal('report');
    if (this.#state !== 'finished') return;
    this.#state = 'reported';
    this.#leaveRun();
  }

  /** Its end is durable, or it was dropped. */
  close(): void {
    if (this.#state === 'running' || this.#state === 'closed') this.#illegal('close');
    if (this.#state !== 'reported') this.#leaveRun();
    this.#state = 'closed';
  }

  beginCall(): void {
    if (this.#call !== 'none') this.#illegal('begin a call');
    this.#call = 'underway';
  }

  endCall(): void {
    if (this.#call === 'underway') this.#call = 'none';
    else if (this.#call === 'overdue') this.#call = 'late';
    else this.#illegal('end a call');
  }

  giveUpCall(): void {
    if (this.#call !== 'underway') this.#illegal('give up a call');
    this.#call = 'overdue';
  }

  get #stopSignals(): StopSignals {
    return (this.#signals ??= new StopSignals(this.#stop));
  }

  /** Aborted when the work is to stop. */
  get signal(): AbortSignal {
    return this.#stopSignals.work;
  }

  /**
   * Aborted when no answer about the attempt is wanted here any more. It outlives a cancellation:
   * what became of work that is to stop is known only by asking.
   */
  get interest(): AbortSignal {
    return this.#stopSignals.interest;
  }

  /** Asks the attempt to stop. A `cancel` may be followed by a stronger reason, never by a weaker one. */
  halt(stop: Stop): void {
    if (this.#stop !== undefined && this.#stop !== 'cancel') return;
    this.#stop = stop;
    this.#signals?.abort(stop);
    this.onStop?.(this);
  }

  /** Ends a pause between two questions to the system. */
  poke(): void {
    this.#signals?.poke();
  }

  /** Calls back at the next poke, or when it is asked to stop; the result takes it back. */
  onPoke(wake: () => void): () => void {
    return this.#stopSignals.onPoke(wake);
  }

  #leaveRun(): void {
    this.run.busy -= 1;
    if (this.run.busy < 0) bug(`run ${this.run.id} has ${this.run.busy} attempts under way`);
  }

  #illegal(step: string): never {
    return bug(`attempt ${this.key} is ${this.#state}, its call ${this.#call}: it cannot ${step}`);
  }
}
