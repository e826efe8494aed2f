/**
 * A run in the memory of its owner: the fold, what of it is durable, and what is going on in the
 * world because of it.
 */
import type { RunState } from '../../kernel/run/machine.ts';
import type { EventRow, RunRow, RunUpdate } from '../../journal/append.ts';
import type { RunEvent } from '../../model/run.ts';
import type { Attempt } from './attempt.ts';

/** Called once something is durable, or with the reason why it never will be. */
export type Settled = (error?: Error) => void;

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
  /** What it says, for the observer; nothing when nobody watches. */
  readonly facts: readonly RunEvent[] | undefined;
  readonly settled: Settled | undefined;
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
  /** Entries on their way to the book: the next ones wait for them, so order is kept. */
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
  /** It is not at rest: it goes on in the next turn. */
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
