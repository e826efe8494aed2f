/**
 * From where a job's log is read on after a restart.
 *
 * That is the cursor in the last durable line. What is held back, or kept for the end of a log that
 * is too long, is not durable: then the cursor that is written is an earlier one, with how many
 * characters after it are durable already. A connector reads the same text again from the same
 * cursor, so they are dropped and nothing is lost or there twice.
 */
import type { Json, JsonObject } from '../../model/json.ts';
import type { Stream } from './log-end.ts';

/** By stream. */
interface Counts {
  out: number;
  err: number;
  note: number;
}
export const STREAMS = ['out', 'err', 'note'] as const;
const none = (): Counts => ({ out: 0, err: 0, note: 0 });

/** What is read on from: a connector's cursor, and what is done with already beyond it. */
export interface Mark {
  readonly from: Json;
  /** Characters after it that are durable. */
  readonly skip: Counts;
  /** Of the ones after those, how many belong to a secret that was blacked out. */
  readonly covered: Counts;
  /** The mark of a log that is too long is there. */
  readonly cut: boolean;
}

/** The name says whose it is: the cursors of connectors are objects, too. */
const MARK = 'tutti-log-mark';

/** What of a stream is held back, and how much of what comes belongs to a secret. */
export interface Held {
  held(stream: Stream): number;
  covered(stream: Stream): number;
}

export class ReadPosition {
  readonly #streams: Held;
  readonly #skip = none();
  /** Where the last read ended. */
  #reached: Json = null;
  /** What was read since this cursor; and the read before the one that is under way. */
  #base: Json = null;
  #taken = none();
  #last: { readonly from: Json; readonly lengths: Counts } = { from: null, lengths: none() };

  constructor(streams: Held) {
    this.#streams = streams;
  }

  /** Where to read on after a restart. */
  resume(mark: Mark): Json {
    for (const stream of STREAMS) this.#skip[stream] = mark.skip[stream];
    this.#last = { from: mark.from, lengths: none() };
    return mark.from;
  }

  /** A read begins at this cursor. */
  begin(from: Json): void {
    const { lengths } = this.#last;
    if (this.isSettled) {
      this.#base = from;
      this.#taken = none();
    } else if (STREAMS.every((stream) => this.#streams.held(stream) <= lengths[stream])) {
      // What is held back came with the read before this one: nothing earlier is needed.
      this.#base = this.#last.from;
      this.#taken = { ...lengths };
    }
    this.#last = { from, lengths: none() };
  }

  /** What of this piece of a read is new. */
  unread(stream: Stream, text: string): string {
    const known = Math.min(this.#skip[stream], text.length);
    this.#skip[stream] -= known;
    this.count(stream, known);
    return known === 0 ? text : text.slice(known);
  }

  count(stream: Stream, length: number): void {
    this.#taken[stream] += length;
    this.#last.lengths[stream] += length;
  }

  /** The read ended at this cursor. */
  reach(cursor: Json): void {
    this.#reached = cursor;
  }

  get reached(): Json {
    return this.#reached;
  }

  /** All that was read is durable when what there is now is written. */
  get isSettled(): boolean {
    return STREAMS.every(
      (stream) =>
        this.#streams.held(stream) === 0 &&
        this.#skip[stream] === 0 &&
        this.#streams.covered(stream) === 0,
    );
  }

  /** What is durable of what was read since the base. */
  mark(): Omit<Mark, 'cut'> {
    const skip = none();
    const covered = none();
    for (const stream of STREAMS) {
      skip[stream] = this.#taken[stream] + this.#skip[stream] - this.#streams.held(stream);
      covered[stream] = this.#streams.covered(stream);
    }
    return { from: this.#base, skip, covered };
  }
}

export function settledMark(cursor: Json, cut: boolean): Json {
  return cut ? markOn({ from: cursor, skip: none(), covered: none() }, true) : cursor;
}

export function markOn({ from, skip, covered }: Omit<Mark, 'cut'>, cut: boolean): Json {
  return { [MARK]: { from, skip: { ...skip }, covered: { ...covered }, cut } };
}

export function markOf(cursor: Json): Mark | undefined {
  const isObject = typeof cursor === 'object' && cursor !== null && !Array.isArray(cursor);
  // No other process writes this name.
  return isObject ? ((cursor as JsonObject)[MARK] as unknown as Mark | undefined) : undefined;
}
