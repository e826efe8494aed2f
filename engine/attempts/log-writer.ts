/**
 * Logs of tasks on their way to the journal: gathered over all attempts, written in batches,
 * each attempt's lines numbered so that a second write of the same lines is dropped. An attempt
 * ends only after its log is durable (`finish`), so no finished task has half a log.
 *
 * What one `write` is given is durable as a whole or not at all: the cursor stands in the last
 * line of a read, and half a read without it would be read, and kept, a second time.
 */
import type { Journal } from '../../journal/journal.ts';
import type { StoredLogChunk } from '../../journal/logs.ts';
import { Coalesced } from '../../model/coalesced.ts';
import type { Json } from '../../model/json.ts';
import type { Redactor } from '../../model/redactor.ts';
import type { Clock } from '../clock.ts';
import type { Observer } from '../observer.ts';
import type { Attempt } from '../runs/live-run.ts';
import { AttemptLog, DEFAULT_LOG_LIMIT_BYTES } from './attempt-log.ts';
import type { Piece, Stream } from './log-end.ts';

/** A batch is closed by the first write that ends beyond one of these. */
const MOST_ROWS = 500;
const MOST_BATCH_LENGTH = 1024 * 1024;
const LONGEST_TEXT = 64 * 1024;
/** Above this much unwritten text, readers of logs wait. */
const MOST_UNWRITTEN_LENGTH = 16 * 1024 * 1024;

/** After so much text that was read, other work has a turn. */
const TURN_LENGTH = 256 * 1024;

interface LogLine {
  readonly stream: Stream;
  readonly text: string;
  readonly at?: number;
}

/** A read of a job's log: what there was from this cursor on, up to that one. */
interface LogRead {
  readonly from: Json;
  readonly lines: readonly LogLine[];
  readonly cursor: Json;
}

interface Unwritten {
  readonly row: StoredLogChunk;
  readonly log: AttemptLog;
  /** The last one of its write. */
  readonly ends: boolean;
}

interface LogWriterOptions {
  readonly journal: Journal;
  readonly clock: Pick<Clock, 'now' | 'at'>;
  readonly redactor?: Redactor | undefined;
  /** How much of an attempt's log is kept. */
  readonly limitBytes?: number | undefined;
  /** Hears of the runs whose lines have become durable. */
  readonly logged?: (run: string) => void;
  readonly observer?: Observer | undefined;
}

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #limitBytes: number;
  readonly #logs = new WeakMap<Attempt, AttemptLog>();
  #rows: Unwritten[] = [];
  #length = 0;
  #turn = 0;
  /** Readers of logs that wait for capacity. */
  #waiting: (() => void)[] = [];
  readonly #writes: Coalesced;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#limitBytes = options.limitBytes ?? DEFAULT_LOG_LIMIT_BYTES;
    this.#writes = new Coalesced(
      () => this.#writeAll(),
      // The journal gives up only when it is closed: the node is stopping, and what was not written
      // is read again from the system's cursor at the next start.
      (error) => options.observer?.troubled('writing logs of tasks', error),
    );
  }

  /** Where the log of an attempt that is resumed continues. */
  async resume(attempt: Attempt): Promise<Json> {
    const { run, task, number } = attempt;
    const end = await this.#options.journal.logEnd(run.id, task, number);
    const log = new AttemptLog(this.#options.redactor, this.#limitBytes, end);
    this.#logs.set(attempt, log);
    return log.resume(end.cursor);
  }

  write(attempt: Attempt, ...lines: readonly LogLine[]): void {
    const log = this.#logOf(attempt);
    const pieces = lines.flatMap((line) => this.#accept(log, this.#pieceOf(line), false));
    this.#push(log, this.#rowsOf(attempt, log, pieces), null);
  }

  read(attempt: Attempt, { from, lines, cursor }: LogRead): void {
    const log = this.#logOf(attempt);
    log.begin(from);
    const pieces = lines.flatMap((line) => {
      this.#turn += line.text.length;
      return this.#accept(log, { ...this.#pieceOf(line), text: log.unread(line) }, true);
    });
    this.#push(log, this.#rowsOf(attempt, log, pieces), log.reach(cursor));
  }

  #accept(log: AttemptLog, piece: Piece, ofRead: boolean): Piece[] {
    const pieces = log.accept(piece, ofRead);
    if (!log.overflows()) return pieces;
    const text = `… the log is long, and ${this.#limit()}: what follows is left out, but for its end, which comes when the attempt ends\n`;
    return [...pieces, { stream: 'note', text, at: piece.at }];
  }

  /**
   * Nothing follows: writes what was held back. Resolves when everything that was written for the
   * attempt is durable; undefined when it is already.
   */
  finish(attempt: Attempt): Promise<void> | undefined {
    const log = this.#logs.get(attempt);
    if (log === undefined) return undefined;
    const at = this.#options.clock.now();
    const { pieces, leftOutBytes, cursor } = log.finish(at);
    const text = `… ${sizeText(leftOutBytes)} of the log were left out here; ${this.#limit()}\n`;
    const gap: Piece[] = leftOutBytes === 0 ? [] : [{ stream: 'note', text, at }];
    this.#push(log, this.#rowsOf(attempt, log, [...gap, ...pieces]), cursor);
    if (log.unwritten === 0) return undefined;
    return new Promise((resolve) => log.done.push(resolve));
  }

  #limit(): string {
    return `the limit of an attempt is ${sizeText(this.#limitBytes)} (tutti serve --log-limit)`;
  }

  /** Resolves when there is capacity for more: unwritten logs are bounded in memory, and so is a turn. */
  async capacity(): Promise<void> {
    if (this.#turn >= TURN_LENGTH) {
      this.#turn = 0;
      const { clock } = this.#options;
      await new Promise<void>((resolve) => clock.at(clock.now(), resolve));
    }
    if (this.#length < MOST_UNWRITTEN_LENGTH) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #pieceOf({ stream, text, at }: LogLine): Piece {
    return { stream, text, at: at ?? this.#options.clock.now() };
  }

  #rowsOf(attempt: Attempt, log: AttemptLog, pieces: readonly Piece[]): StoredLogChunk[] {
    return pieces.flatMap(({ stream, text, at }) => {
      const rows: StoredLogChunk[] = [];
      for (let from = 0; from === 0 || from < text.length; from += LONGEST_TEXT) {
        rows.push({
          run: attempt.run.id,
          task: attempt.task,
          attempt: attempt.number,
          position: log.position++,
          stream,
          at,
          text: text.slice(from, from + LONGEST_TEXT),
          cursor: null,
        });
      }
      return rows;
    });
  }

  #push(log: AttemptLog, rows: readonly StoredLogChunk[], cursor: Json): void {
    rows.forEach((row, index) => {
      const ends = index === rows.length - 1;
      log.unwritten += 1;
      this.#rows.push({ row: ends ? { ...row, cursor } : row, log, ends });
      this.#length += row.text.length;
    });
    if (rows.length > 0) this.#writes.ask();
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

  #logOf(attempt: Attempt): AttemptLog {
    const known = this.#logs.get(attempt);
    if (known !== undefined) return known;
    const log = new AttemptLog(this.#options.redactor, this.#limitBytes);
    this.#logs.set(attempt, log);
    return log;
  }

  async #writeAll(): Promise<void> {
    while (this.#rows.length > 0) {
      const batch = this.#rows.slice(0, this.#batchSize());
      await this.#options.journal.appendLogs(batch.map((each) => each.row));
      this.#rows = this.#rows.slice(batch.length);
      for (const run of new Set(batch.map((each) => each.row.run))) this.#options.logged?.(run);
      for (const { row, log } of batch) {
        this.#length -= row.text.length;
        log.unwritten -= 1;
        if (log.unwritten === 0) log.done.splice(0).forEach((resolve) => resolve());
      }
      if (this.#length < MOST_UNWRITTEN_LENGTH)
        this.#waiting.splice(0).forEach((resolve) => resolve());
    }
  }
}

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${Number((bytes / 1000).toPrecision(3))} kB`;
  return `${Number((bytes / 1_000_000).toPrecision(3))} MB`;
}
