/**
 * The log of one attempt on its way: what is held back of it because it may become a secret, how
 * much of it there is, and from where a job's log is read on after a restart.
 *
 * A restart reads on from the cursor that stands in the last durable line. What is held back, or
 * kept for the end of a log that is too long, is not durable: then the cursor that is written is
 * an earlier one, with how many characters after it are durable already. A connector reads the
 * same text again from the same cursor, so they are dropped and nothing is lost or there twice.
 *
 * A log that is longer than the limit keeps its head, as it comes, and its end, which is held in
 * memory and written when the attempt ends. In between stands a mark.
 */
import type { LogChunk } from '../../journal/logs.ts';
import { Fifo } from '../fifo.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import type { RedactedStream, Redactor } from '../../model/redactor.ts';

export type Stream = LogChunk['stream'];

export interface Piece {
  readonly stream: Stream;
  readonly text: string;
  readonly at: number;
}

/** The end of a long log may have this share of the limit, and so much of memory at most. */
const END_SHARE = 10;
const MOST_END_BYTES = 1024 * 1024;

const SHORT_PIECE = 4096;
/** In UTF-8, for each unit of a text. */
const MOST_BYTES_OF_ONE = 3;

export const DEFAULT_LOG_LIMIT_BYTES = 10 * 1000 * 1000;

interface Counts {
  out: number;
  err: number;
  note: number;
}
const STREAMS = ['out', 'err', 'note'] as const;
const none = (): Counts => ({ out: 0, err: 0, note: 0 });

/** What a log ends with. */
export interface Rest {
  readonly pieces: readonly Piece[];
  readonly leftOutBytes: number;
  readonly cursor: Json;
}

/** What is read on from: a connector's cursor, and what is done with already beyond it. */
interface Mark {
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

export class LogPlace {
  position: number;
  /** How many of its rows are not durable yet. */
  waiting = 0;
  done: (() => void)[] = [];
  readonly #redactor: Redactor | undefined;
  readonly #limitBytes: number;
  readonly #streams = new Map<Stream, RedactedStream>();
  readonly #skip = none();
  #bytes: number;
  #end: LogEnd | undefined;
  /** Where the head ended. */
  #headEnd: Omit<Mark, 'cut'> | undefined;
  #cut = false;
  /** Where the last read ended. */
  #reached: Json = null;
  /** What was read since this cursor; and the read before the one that is under way. */
  #base: Json = null;
  #taken = none();
  #last: { readonly from: Json; readonly lengths: Counts } = { from: null, lengths: none() };

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
  }

  /** Where to read on after a restart. */
  resume(cursor: Json): Json {
    const mark = markOf(cursor);
    if (mark === undefined) return cursor;
    for (const stream of STREAMS) {
      this.#skip[stream] = mark.skip[stream];
      const covered = mark.covered[stream];
      if (covered > 0) this.#streamOf(stream, covered);
    }
    this.#cut = mark.cut;
    this.#last = { from: mark.from, lengths: none() };
    return mark.from;
  }

  /** A read begins at this cursor. */
  begin(from: Json): void {
    if (this.#end !== undefined) return;
    const { lengths } = this.#last;
    if (this.#settled()) {
      this.#base = from;
      this.#taken = none();
    } else if (STREAMS.every((stream) => this.#held(stream) <= lengths[stream])) {
      // What is held back came with the read before this one: nothing earlier is needed.
      this.#base = this.#last.from;
      this.#taken = { ...lengths };
    }
    this.#last = { from, lengths: none() };
  }

  /** What of this piece of a read is new. */
  unread({ stream, text }: { readonly stream: Stream; readonly text: string }): string {
    const known = Math.min(this.#skip[stream], text.length);
    this.#skip[stream] -= known;
    this.#count(stream, known);
    return known === 0 ? text : text.slice(known);
  }

  /** The read ended at this cursor. Gives the one that may be written with what there is now. */
  reach(cursor: Json): Json {
    this.#reached = cursor;
    if (this.#end === undefined && this.#settled()) return this.#settledAt(cursor);
    return this.here();
  }

  /** The cursor that may be written in the middle of a read. */
  here(): Json {
    return markOn(this.#headEnd ?? this.#open(), this.#cut);
  }

  /** Takes text and gives what is to be written now; what is too much is kept for the end. */
  take(piece: Piece, ofRead: boolean): Piece[] {
    const { stream, text } = piece;
    const fits = this.#end === undefined ? this.#fitting(text) : 0;
    const written: Piece[] = [];
    if (fits > 0) {
      const clean = this.#clean(stream, text.slice(0, fits));
      if (ofRead) this.#count(stream, fits);
      if (clean !== '') written.push({ ...piece, text: clean });
      this.#bytes += Buffer.byteLength(clean);
    }
    if (fits === text.length) return written;
    this.#headEnd ??= this.#open();
    this.#end ??= new LogEnd(this.#endBytes());
    this.#end.add({ ...piece, text: this.#clean(stream, text.slice(fits)) });
    return written;
  }

  /** True once: from now on lines are left out, and somebody must say so. */
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
    return { pieces, leftOutBytes, cursor: this.#settledAt(this.#reached) };
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

  #count(stream: Stream, length: number): void {
    this.#taken[stream] += length;
    this.#last.lengths[stream] += length;
  }

  #held(stream: Stream): number {
    return this.#streams.get(stream)?.held ?? 0;
  }

  #settled(): boolean {
    return STREAMS.every((stream) => {
      const covered = this.#streams.get(stream)?.covered ?? 0;
      return this.#held(stream) === 0 && this.#skip[stream] === 0 && covered === 0;
    });
  }

  #settledAt(cursor: Json): Json {
    return this.#cut ? markOn({ from: cursor, skip: none(), covered: none() }, true) : cursor;
  }

  /** What is durable of what was read since the base. */
  #open(): Omit<Mark, 'cut'> {
    const skip = none();
    const covered = none();
    for (const stream of STREAMS) {
      skip[stream] = this.#taken[stream] + this.#skip[stream] - this.#held(stream);
      covered[stream] = this.#streams.get(stream)?.covered ?? 0;
    }
    return { from: this.#base, skip, covered };
  }
}

function markOn({ from, skip, covered }: Omit<Mark, 'cut'>, cut: boolean): Json {
  return { [MARK]: { from, skip: { ...skip }, covered: { ...covered }, cut } };
}

function markOf(cursor: Json): Mark | undefined {
  const isObject = typeof cursor === 'object' && cursor !== null && !Array.isArray(cursor);
  // Nobody else writes this name.
  return isObject ? ((cursor as JsonObject)[MARK] as unknown as Mark | undefined) : undefined;
}

interface Numbered {
  readonly number: number;
  readonly piece: Piece;
}

/** The newest pieces of one stream. */
class StreamEnd {
  readonly pieces = new Fifo<Numbered>();
  /** Grows while it is short: a log of single letters is not a list of them. */
  newest: Numbered | undefined;
  bytes = 0;
  /** What was left out ended with a line. */
  atLine = true;

  /** The newest that fit; they begin with a line, where one begins. */
  take(mostBytes: number): Numbered[] {
    if (this.newest !== undefined) this.pieces.push(this.newest);
    let tooMuch = Math.max(0, this.bytes - mostBytes);
    let first = this.pieces.shift();
    for (; first !== undefined; first = this.pieces.shift()) {
      const bytes = Buffer.byteLength(first.piece.text);
      if (bytes > tooMuch) break;
      tooMuch -= bytes;
      this.atLine = first.piece.text.endsWith('\n');
    }
    if (first === undefined) return [];
    const taken = [tooMuch === 0 && this.atLine ? first : trimmed(first, tooMuch)];
    for (let one = this.pieces.shift(); one !== undefined; one = this.pieces.shift()) {
      taken.push(one);
    }
    return taken;
  }
}

function trimmed({ number, piece }: Numbered, tooMuch: number): Numbered {
  const from = fitting(piece.text, tooMuch);
  const line = piece.text.indexOf('\n', from) + 1;
  const text = piece.text.slice(line === 0 || line === piece.text.length ? from : line);
  return { number, piece: { ...piece, text } };
}

/**
 * The end of a log: the newest pieces that fit, and how much was before them. The stream that has
 * the most gives way, so that a flood of one leaves the end of the other.
 */
class LogEnd {
  leftOutBytes = 0;
  readonly #mostBytes: number;
  readonly #streams = new Map<Stream, StreamEnd>();
  #count = 0;
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  add(piece: Piece): void {
    if (piece.text === '') return;
    const end = this.#streams.get(piece.stream) ?? new StreamEnd();
    this.#streams.set(piece.stream, end);
    const { newest } = end;
    if (newest?.number === this.#count && newest.piece.text.length < SHORT_PIECE) {
      const text = newest.piece.text + piece.text;
      end.newest = { number: this.#count, piece: { ...newest.piece, text } };
    } else {
      if (newest !== undefined) end.pieces.push(newest);
      end.newest = { number: ++this.#count, piece };
    }
    const bytes = Buffer.byteLength(piece.text);
    end.bytes += bytes;
    this.#bytes += bytes;
    while (this.#leaveOut());
  }

  /** In the order that they came in. */
  pieces(): Piece[] {
    let room = this.#mostBytes;
    const ends = [...this.#streams.values()].toSorted((a, b) => a.bytes - b.bytes);
    const kept = ends.flatMap((end, index) => {
      // What a short one does not need is for the longer ones.
      const taken = end.take(room / (ends.length - index));
      const bytes = taken.reduce((sum, { piece }) => sum + Buffer.byteLength(piece.text), 0);
      room -= bytes;
      this.leftOutBytes += end.bytes - bytes;
      return taken;
    });
    return kept.toSorted((a, b) => a.number - b.number).map(({ piece }) => piece);
  }

  #longest(): StreamEnd | undefined {
    let longest: StreamEnd | undefined;
    for (const end of this.#streams.values()) {
      if (longest === undefined || end.bytes > longest.bytes) longest = end;
    }
    return longest;
  }

  #leaveOut(): boolean {
    const end = this.#longest();
    const first = end?.pieces.peek();
    if (end === undefined || first === undefined) return false;
    const bytes = Buffer.byteLength(first.piece.text);
    if (this.#bytes - bytes < this.#mostBytes) return false;
    this.leftOutBytes += bytes;
    this.#bytes -= bytes;
    end.bytes -= bytes;
    end.atLine = first.piece.text.endsWith('\n');
    end.pieces.shift();
    return true;
  }
}

/** How many characters of the text fit into so many bytes; pairs stay together. */
function fitting(text: string, mostBytes: number): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at);
    const paired = character >= 0xd800 && character < 0xdc00;
    bytes += character < 0x80 ? 1 : character < 0x800 ? 2 : paired ? 4 : 3;
    if (bytes > mostBytes) return at;
    if (paired) at += 1;
  }
  return text.length;
}
