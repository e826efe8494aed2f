/**
 * The log of one attempt on its way: what is held back of it because it may become a secret, how
 * much of it there is, and from where a job's log is read on after a restart (`read-position.ts`).
 *
 * A log that is longer than the limit keeps its head, as it comes, and its end, which is held in
 * memory and written when the attempt ends (`log-end.ts`). In between stands a mark.
 */
import type { Json } from '../../model/json.ts';
import type { RedactedStream, Redactor } from '../../model/redactor.ts';
import { fitting, LogEnd, type Piece, type Stream } from './log-end.ts';
import {
  type Held,
  type Mark,
  markOf,
  markOn,
  ReadPosition,
  settledMark,
  STREAMS,
} from './read-position.ts';

/** The end of a long log may have this share of the limit, and so much of memory at most. */
const END_SHARE = 10;
const MOST_END_BYTES = 1024 * 1024;

/** In UTF-8, for each unit of a text. */
const MOST_BYTES_OF_ONE = 3;

export const DEFAULT_LOG_LIMIT_BYTES = 10 * 1000 * 1000;

/** What a log ends with. */
interface Rest {
  readonly pieces: readonly Piece[];
  readonly leftOutBytes: number;
  readonly cursor: Json;
}

export class AttemptLog implements Held {
  position: number;
  /** How many of its rows are not durable yet. */
  unwritten = 0;
  done: (() => void)[] = [];
  readonly #redactor: Redactor | undefined;
  readonly #limitBytes: number;
  readonly #streams = new Map<Stream, RedactedStream>();
  #bytes: number;
  #end: LogEnd | undefined;
  /** Where the head ended. */
  #headEnd: Omit<Mark, 'cut'> | undefined;
  #cut = false;
  readonly #read: ReadPosition;

  /** `there`: what is durable already. */
  constructor(
    redactor: Redactor | undefined,
    limitBytes: number,
    there: { readonly position: number; readonly bytes: number } = { position: 0, bytes: 0 },
  ) {
    this.#redactor = redactor;
    this.#limitBytes = limitBytes;
    this.position = there.position;
    this.#bytes = there.bytes;
    this.#read = new ReadPosition(this);
  }

  /** Characters of a stream that are held back, because they may become a secret. */
  held(stream: Stream): number {
    return this.#streams.get(stream)?.held ?? 0;
  }

  covered(stream: Stream): number {
    return this.#streams.get(stream)?.covered ?? 0;
  }

  /** Where to read on after a restart. */
  resume(cursor: Json): Json {
    const mark = markOf(cursor);
    if (mark === undefined) return cursor;
    for (const stream of STREAMS) {
      const covered = mark.covered[stream];
      if (covered > 0) this.#streamOf(stream, covered);
    }
    this.#cut = mark.cut;
    return this.#read.resume(mark);
  }

  /** A read begins at this cursor. */
  begin(from: Json): void {
    if (this.#end === undefined) this.#read.begin(from);
  }

  /** What of this piece of a read is new. */
  unread({ stream, text }: { readonly stream: Stream; readonly text: string }): string {
    return this.#read.unread(stream, text);
  }

  /** The read ended at this cursor. Gives the one that may be written with what there is now. */
  reach(cursor: Json): Json {
    this.#read.reach(cursor);
    if (this.#end === undefined && this.#read.isSettled) return settledMark(cursor, this.#cut);
    return this.here();
  }

  /** The cursor that may be written in the middle of a read. */
  here(): Json {
    return markOn(this.#headEnd ?? this.#read.mark(), this.#cut);
  }

  /** Takes text and gives what is to be written now; what is too much is kept for the end. */
  accept(piece: Piece, ofRead: boolean): Piece[] {
    const { stream, text } = piece;
    const fits = this.#end === undefined ? this.#fitting(text) : 0;
    const written: Piece[] = [];
    if (fits > 0) {
      const clean = this.#clean(stream, text.slice(0, fits));
      if (ofRead) this.#read.count(stream, fits);
      if (clean !== '') written.push({ ...piece, text: clean });
      this.#bytes += Buffer.byteLength(clean);
    }
    if (fits === text.length) return written;
    this.#headEnd ??= this.#read.mark();
    this.#end ??= new LogEnd(this.#endBytes());
    this.#end.add({ ...piece, text: this.#clean(stream, text.slice(fits)) });
    return written;
  }

  /** True once: from now on lines are left out, and the log must say so. */
  overflows(): boolean {
    if (this.#cut || this.#end === undefined || this.#end.leftOutBytes === 0) return false;
    this.#cut = true;
    return true;
  }

  /** What is left to write when nothing more comes; so much was left out before it. */
  finish(at: number): Rest {
    const held = [...this.#streams].map(([stream, text]) => ({ stream, text: text.end(), at }));
    const end = this.#end ?? new LogEnd(this.#limitBytes);
    for (const piece of held) end.add(piece);
    this.#end = undefined;
    this.#headEnd = undefined;
    const pieces = end.pieces();
    const { leftOutBytes } = end;
    return { pieces, leftOutBytes, cursor: settledMark(this.#read.reached, this.#cut) };
  }

  /** As much of the text as the head has room for; up to the end of a line, where there is one. */
  #fitting(text: string): number {
    const room = this.#limitBytes - this.#endBytes() - this.#bytes;
    if (room >= text.length * MOST_BYTES_OF_ONE) return text.length;
    const fits = fitting(text, room);
    if (fits === text.length) return fits;
    const line = fits === 0 ? -1 : text.lastIndexOf('\n', fits - 1);
    return line === -1 ? fits : line + 1;
  }

  #endBytes(): number {
    return Math.min(this.#limitBytes / END_SHARE, MOST_END_BYTES);
  }

  #clean(stream: Stream, text: string): string {
    return this.#redactor === undefined ? text : (this.#streamOf(stream)?.write(text) ?? text);
  }

  #streamOf(stream: Stream, covered = 0): RedactedStream | undefined {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const made = this.#redactor?.stream(covered);
    if (made !== undefined) this.#streams.set(stream, made);
    return made;
  }
}
