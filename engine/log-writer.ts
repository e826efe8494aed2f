/**
 * Logs of tasks on their way to the journal: gathered over all attempts, written in batches,
 * each attempt's lines numbered so that a second write of the same lines is dropped. An attempt
 * ends only after its log is durable (`flush`), so no finished task has half a log.
 *
 * What one `write` is given is durable as a whole or not at all: the cursor stands in the last
 * line of a read, and half a read without it would be read, and kept, a second time.
 */
import type { Journal, LogRow } from '../journal/journal.ts';
import type { Json } from '../model/json.ts';
import type { Flight } from './flight.ts';

/** A batch is closed by the first write that ends beyond this. */
const MOST_ROWS = 500;
const LONGEST_TEXT = 64 * 1024;
/** Above this much unwritten text, readers of logs wait. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024;

export interface LogLine {
  readonly stream: LogRow['stream'];
  readonly text: string;
  readonly at?: number;
  readonly cursor?: Json;
}

interface Waiting {
  readonly row: LogRow;
  readonly place: Place;
  /** The last one of its write. */
  readonly ends: boolean;
}

interface Place {
  position: number;
  /** How many of its rows are not durable yet. */
  waiting: number;
  done: (() => void)[];
}

export class LogWriter {
  readonly #journal: Journal;
  readonly #now: () => number;
  readonly #redact: (text: string) => string;
  readonly #logged: (run: string) => void;
  readonly #places = new WeakMap<Flight, Place>();
  #rows: Waiting[] = [];
  #bytes = 0;
  #writing = false;
  #room: (() => void)[] = [];

  /** `logged` is told of the runs whose lines have become durable. */
  constructor(
    journal: Journal,
    now: () => number,
    redact: (text: string) => string,
    logged: (run: string) => void = () => undefined,
  ) {
    this.#journal = journal;
    this.#now = now;
    this.#redact = redact;
    this.#logged = logged;
  }

  /** Where the log of a re-attached attempt goes on. */
  async resume(flight: Flight): Promise<Json> {
    const end = await this.#journal.logEnd(flight.run.id, flight.task, flight.attempt);
    this.#places.set(flight, { position: end.position, waiting: 0, done: [] });
    return end.cursor;
  }

  write(flight: Flight, ...lines: readonly LogLine[]): void {
    const place = this.#place(flight);
    const rows = lines.flatMap((line) => this.#rowsOf(flight, place, line));
    rows.forEach((row, index) => {
      place.waiting += 1;
      this.#rows.push({ row, place, ends: index === rows.length - 1 });
      this.#bytes += row.text.length;
    });
    void this.#pump();
  }

  #rowsOf(flight: Flight, place: Place, line: LogLine): LogRow[] {
    const text = this.#redact(line.text);
    const rows: LogRow[] = [];
    for (let from = 0; from === 0 || from < text.length; from += LONGEST_TEXT) {
      const last = from + LONGEST_TEXT >= text.length;
      rows.push({
        run: flight.run.id,
        task: flight.task,
        attempt: flight.attempt,
        position: place.position++,
        stream: line.stream,
        at: line.at ?? this.#now(),
        text: text.slice(from, from + LONGEST_TEXT),
        cursor: last ? (line.cursor ?? null) : null,
      });
    }
    return rows;
  }

  /** Resolves when everything written for the attempt is durable; undefined when it is already. */
  flush(flight: Flight): Promise<void> | undefined {
    const place = this.#places.get(flight);
    if (place === undefined || place.waiting === 0) return undefined;
    return new Promise((resolve) => place.done.push(resolve));
  }

  /** Resolves when there is room for more: unwritten logs are bounded in memory. */
  room(): Promise<void> {
    if (this.#bytes < MOST_WAITING_BYTES) return Promise.resolve();
    return new Promise((resolve) => this.#room.push(resolve));
  }

  #batchSize(): number {
    if (this.#rows.length <= MOST_ROWS) return this.#rows.length;
    return this.#rows.findIndex(({ ends }, index) => ends && index >= MOST_ROWS - 1) + 1;
  }

  #place(flight: Flight): Place {
    const known = this.#places.get(flight);
    if (known !== undefined) return known;
    const place: Place = { position: 0, waiting: 0, done: [] };
    this.#places.set(flight, place);
    return place;
  }

  async #pump(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      while (this.#rows.length > 0) {
        const batch = this.#rows.slice(0, this.#batchSize());
        await this.#journal.appendLogs(batch.map((each) => each.row));
        this.#rows = this.#rows.slice(batch.length);
        for (const run of new Set(batch.map((each) => each.row.run))) this.#logged(run);
        for (const { row, place } of batch) {
          this.#bytes -= row.text.length;
          place.waiting -= 1;
          if (place.waiting === 0) place.done.splice(0).forEach((resolve) => resolve());
        }
        if (this.#bytes < MOST_WAITING_BYTES) this.#room.splice(0).forEach((resolve) => resolve());
      }
    } catch {
      // The journal gives up only when it is closed: the node is stopping, and what was not
      // written is read again from the system's cursor at the next start.
    } finally {
      this.#writing = false;
    }
  }
}
