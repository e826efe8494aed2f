/**
 * A few lines to be shared: who asks gets the first free one, in order.
 *
 * Reads of the engine wait as long as the database is away. Reads of people do not: after a
 * moment they hear that it cannot be reached.
 */
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { Connection, type ConnectionContext } from './connection.ts';

const PATIENCE_MS = 5_000;

export class ConnectionPool {
  readonly #free: Connection[];
  readonly #lines: readonly Connection[];
  readonly #waiting: ((line: Connection) => void)[] = [];
  readonly #context: ConnectionContext;

  constructor(
    context: ConnectionContext,
    width: number,
    prepare?: (client: pg.Client) => Promise<void>,
  ) {
    this.#context = context;
    this.#lines = Array.from({ length: width }, () => new Connection(context, prepare));
    this.#free = [...this.#lines];
  }

  async withConnection<T>(work: (line: Connection) => Promise<T>): Promise<T> {
    if (this.#context.closing.aborted) throw new TuttiError('node.stopping');
    const line =
      this.#free.pop() ?? (await new Promise<Connection>((resolve) => this.#waiting.push(resolve)));
    try {
      return await work(line);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(line);
      else next(line);
    }
  }

  withRetry<T>(work: (client: pg.Client) => Promise<T>, isWanted?: () => boolean): Promise<T> {
    return this.withConnection((line) => line.withRetry(work, isWanted));
  }

  async withDeadline<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let waiting = true;
    const tooLong = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const [stall] = this.#context.stalls.sentences();
        reject(new TuttiError('database.unreachable', stall ?? 'The database does not answer.'));
      }, PATIENCE_MS);
    });
    try {
      return await Promise.race([this.withRetry(work, () => waiting), tooLong]);
    } finally {
      waiting = false;
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.close()));
  }
}
