/**
 * A few lines to be shared: who asks gets the first free one, in order.
 *
 * Reads of the engine wait as long as the database is away. Reads of people do not: after a
 * moment they hear that it cannot be reached.
 */
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { Line, type Source } from './line.ts';

const PATIENCE_MS = 5_000;

export class Desk {
  readonly #free: Line[];
  readonly #lines: readonly Line[];
  readonly #waiting: ((line: Line) => void)[] = [];
  readonly #source: Source;

  constructor(source: Source, width: number, prepare?: (client: pg.Client) => Promise<void>) {
    this.#source = source;
    this.#lines = Array.from({ length: width }, () => new Line(source, prepare));
    this.#free = [...this.#lines];
  }

  async with<T>(work: (line: Line) => Promise<T>): Promise<T> {
    if (this.#source.closing.aborted) throw new TuttiError('node.stopping');
    const line =
      this.#free.pop() ?? (await new Promise<Line>((resolve) => this.#waiting.push(resolve)));
    try {
      return await work(line);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(line);
      else next(line);
    }
  }

  patiently<T>(work: (client: pg.Client) => Promise<T>, goesOn?: () => boolean): Promise<T> {
    return this.with((line) => line.patiently(work, goesOn));
  }

  async briefly<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let waiting = true;
    const tooLong = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const [stall] = this.#source.stalls.sentences();
        reject(new TuttiError('database.unreachable', stall ?? 'The database does not answer.'));
      }, PATIENCE_MS);
    });
    try {
      return await Promise.race([this.patiently(work, () => waiting), tooLong]);
    } finally {
      waiting = false;
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.close()));
  }
}
