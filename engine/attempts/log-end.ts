/**
 * The end of a log that is too long: the newest pieces that fit, and how much was before them. The
 * stream that has the most gives way, so that a flood of one leaves the end of the other.
 */
import { Fifo } from '../fifo.ts';
import type { StoredLogChunk } from '../../journal/logs.ts';

export type Stream = StoredLogChunk['stream'];

export interface Piece {
  readonly stream: Stream;
  readonly text: string;
  readonly at: number;
}

const SHORT_PIECE = 4096;

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

export class LogEnd {
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
export function fitting(text: string, mostBytes: number): number {
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
