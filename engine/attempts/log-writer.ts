/**
 * Logs of tasks on their way to the journal: gathered over all attempts, written in batches,
 * each attempt's lines numbered so that a second write of the same lines is dropped. An attempt
 * ends only after its log is durable (`flush`), so no finished task has half a log.
 *
 * What one `write` is given is durable as a whole or not at all: the cursor stands in the last
 * line of a read, and half a read without it would be read, and kept, a second time.
 */
import type { Journal } from '../../journal/journal.ts';
import type { LogChunk } from '../../journal/logs.ts';
import type { Json } from '../../model/json.ts';
import type { Redactor } from '../../model/redactor.ts';
import type { Clock } from '../clock.ts';
import type { Attempt } from '../runs/attempt.ts';
import { DEFAULT_LOG_LIMIT_BYTES, LogPlace, type Piece, type Stream } from './log-place.ts';

/** A batch is closed by the first write that ends beyond one of these. */
const MOST_ROWS = 500;
const MOST_BATCH_LENGTH = 1024 * 1024;
const LONGEST_TEXT = 64 * 1024;
/** Above this much unwritten text, readers of logs wait. */
const MOST_WAITING_LENGTH = 16 * 1024 * 1024;

/** After so much text that was read, everybody else has a turn. */
const TURN_LENGTH = 256 * 1024;

export interface LogLine {
  readonly stream: Stream;
  readonly text: string;
  readonly at?: number;
}

/** A read of a job's log: what there was from this cursor on, up to that one. */
export interface LogRead {
  readonly from: Json;
  readonly lines: readonly LogLine[];
  readonly cursor: Json;
}

interface Waiting {
  readonly row: LogChunk;
  readonly place: LogPlace;
  /** The last one of its write. */
  readonly ends: boolean;
}

export interface LogWriterOptions {
  readonly journal: Journal;
  readonly clock: Pick<Clock, 'now' | 'at'>;
  readonly redactor?: Redactor | undefined;
  /** How much of an attempt's log is kept. */
  readonly limitBytes?: number | undefined;
  /** Is told of the runs whose lines have become durable. */
  readonly logged?: (run: string) => void;
}

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #limitBytes: number;
  readonly #places = new WeakMap<Attempt, LogPlace>();
  #rows: Waiting[] = [];
  #length = 0;
  #turn = 0;
  #writing = false;
  #room: (() => void)[] = [];

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#limitBytes = options.limitBytes ?? DEFAULT_LOG_LIMIT_BYTES;
  }

  /** Where the log of a re-attached attempt goes on. */
  async resume(attempt: Attempt): Promise<Json> {
    const { run, task, number } = attempt;
    const end = await this.#options.journal.logEnd(run.id, task, number);
    const place = new LogPlace(this.#options.redactor, this.#limitBytes, end);
    this.#places.set(attempt, place);
    return place.resume(end.cursor);
  }

  write(attempt: Attempt, ...lines: readonly LogLine[]): void {
    const place = this.#place(attempt);
    const pieces = lines.flatMap((line) => this.#take(place, this.#pieceOf(line), false));
    this.#push(place, this.#rowsOf(attempt, place, pieces), null);
  }

  read(attempt: Attempt, { from, lines, cursor }: LogRead): void {
    const place = this.#place(attempt);
    place.begin(from);
    const pieces = lines.flatMap((line) => {
      this.#turn += line.text.length;
      return this.#take(place, { ...this.#pieceOf(line), text: place.unread(line) }, true);
    });
    this.#push(place, this.#rowsOf(attempt, place, pieces), place.reach(cursor));
  }

  #take(place: LogPlace, piece: Piece, ofRead: boolean): Piece[] {
    const pieces = place.take(piece, ofRead);
    if (!place.overflows()) return pieces;
    const text = `… the log is long, and ${this.#limit()}: what follows is left out, but for its end, which comes when the attempt ends\n`;
    return [...pieces, { stream: 'note', text, at: piece.at }];
  }

  /**
   * Nothing follows: writes what was held back. Resolves when everything that was written for the
   * attempt is durable; undefined when it is already.
   */
  finish(attempt: Attempt): Promise<void> | undefined {
    const place = this.#places.get(attempt);
    if (place === undefined) return undefined;
    const at = this.#options.clock.now();
    const { pieces, leftOutBytes, cursor } = place.finish(at);
    const text = `… ${sizeText(leftOutBytes)} of the log were left out here; ${this.#limit()}\n`;
    const gap: Piece[] = leftOutBytes === 0 ? [] : [{ stream: 'note', text, at }];
    this.#push(place, this.#rowsOf(attempt, place, [...gap, ...pieces]), cursor);
    if (place.waiting === 0) return undefined;
    return new Promise((resolve) => place.done.push(resolve));
  }

  #limit(): string {
    return `the limit of an attempt is ${sizeText(this.#limitBytes)} (tutti serve --log-limit)`;
  }

  /** Resolves when there is room for more: unwritten logs are bounded in memory, and so is a turn. */
  async room(): Promise<void> {
    if (this.#turn >= TURN_LENGTH) {
      this.#turn = 0;
      const { clock } = this.#options;
      await new Promise<void>((resolve) => clock.at(clock.now(), resolve));
    }
    if (this.#length < MOST_WAITING_LENGTH) return;
    await new Promise<void>((resolve) => this.#room.push(resolve));
  }

  #pieceOf({ stream, text, at }: LogLine): Piece {
    return { stream, text, at: at ?? this.#options.clock.now() };
  }

  #rowsOf(attempt: Attempt, place: LogPlace, pieces: readonly Piece[]): LogChunk[] {
    return pieces.flatMap(({ stream, text, at }) => {
      const rows: LogChunk[] = [];
      for (let from = 0; from === 0 || from < text.length; from += LONGEST_TEXT) {
        rows.push({
          run: attempt.run.id,
          task: attempt.task,
          attempt: attempt.number,
          position: place.position++,
          stream,
          at,
          text: text.slice(from, from + LONGEST_TEXT),
          cursor: null,
        });
      }
      return rows;
    });
  }

  #push(place: LogPlace, rows: readonly LogChunk[], cursor: Json): void {
    rows.forEach((row, index) => {
      const ends = index === rows.length - 1;
      place.waiting += 1;
      this.#rows.push({ row: ends ? { ...row, cursor } : row, place, ends });
      this.#length += row.text.length;
    });
    void this.#pump();
  }

  /** Whole writes: up to the first that makes it a full batch. */
  #batchSize(): number {
    let length = 0;
    const full = this.#rows.findIndex(({ row, ends }, index) => {
      length += row.text.length;
      return ends && (index >= MOST_ROWS - 1 || length >= MOST_BATCH_LENGTH);
    });
    return full === -1 ? this.#rows.length : full + 1;
  }

  #place(attempt: Attempt): LogPlace {
    const known = this.#places.get(attempt);
    if (known !== undefined) return known;
    const place = new LogPlace(this.#options.redactor, this.#limitBytes);
    this.#places.set(attempt, place);
    return place;
  }

  async #pump(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      while (this.#rows.length > 0) {
        const batch = this.#rows.slice(0, this.#batchSize());
        await this.#options.journal.appendLogs(batch.map((each) => each.row));
        this.#rows = this.#rows.slice(batch.length);
        for (const run of new Set(batch.map((each) => each.row.run))) this.#options.logged?.(run);
        for (const { row, place } of batch) {
          this.#length -= row.text.length;
          place.waiting -= 1;
          if (place.waiting === 0) place.done.splice(0).forEach((resolve) => resolve());
        }
        if (this.#length < MOST_WAITING_LENGTH)
          this.#room.splice(0).forEach((resolve) => resolve());
      }
    } catch {
      // The journal gives up only when it is closed: the node is stopping, and what was not
      // written is read again from the system's cursor at the next start.
    } finally {
      this.#writing = false;
    }
  }
}

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${Number((bytes / 1000).toPrecision(3))} kB`;
  return `${Number((bytes / 1_000_000).toPrecision(3))} MB`;
}
