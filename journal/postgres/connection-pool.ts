/**
 * A few connections to be shared: each caller gets the first free one, in order.
 *
 * What the engine asks waits as long as the database is away (`retrying`). What people ask fails
 * after a moment with the reason (`limited`).
 */
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { Connection, type ConnectionContext } from './connection.ts';

const DEADLINE_MS = 5_000;

type OnClient = (client: pg.Client, ...rest: never[]) => Promise<unknown>;
/** `f(client, a, b)` becomes `f(a, b)`: the pool gives the client. */
type WithoutClient<F> = {
  readonly [Name in keyof F]: F[Name] extends (client: pg.Client, ...rest: infer Rest) => infer R
    ? (...rest: Rest) => R
    : never;
};

export class ConnectionPool {
  readonly #free: Connection[];
  readonly #connections: readonly Connection[];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  readonly #context: ConnectionContext;

  constructor(
    context: ConnectionContext,
    size: number,
    prepare?: (client: pg.Client) => Promise<void>,
  ) {
    this.#context = context;
    this.#connections = Array.from({ length: size }, () => new Connection(context, prepare));
    this.#free = [...this.#connections];
  }

  async withConnection<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#context.closing.aborted) throw new TuttiError('node.stopping');
    const connection =
      this.#free.pop() ?? (await new Promise<Connection>((resolve) => this.#waiting.push(resolve)));
    try {
      return await work(connection);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(connection);
      else next(connection);
    }
  }

  /** See `Connection.withRetry`. */
  withRetry<T>(work: (client: pg.Client) => Promise<T>, isWanted?: () => boolean): Promise<T> {
    return this.withConnection((connection) => connection.withRetry(work, isWanted));
  }

  async #withDeadline<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let isWanted = true;
    const tooLong = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const [stall] = this.#context.stalls.sentences();
        reject(new TuttiError('database.unreachable', stall ?? 'The database does not answer.'));
      }, DEADLINE_MS);
    });
    try {
      return await Promise.race([this.withRetry(work, () => isWanted), tooLong]);
    } finally {
      isWanted = false;
      clearTimeout(timer);
    }
  }

  /** Functions on a client as methods that wait while the database is away. */
  retrying<F extends Record<string, OnClient>>(functions: F): WithoutClient<F> {
    return bound(functions, (work) => this.withRetry(work));
  }

  /** Functions on a client as methods that fail when the database does not answer soon. */
  limited<F extends Record<string, OnClient>>(functions: F): WithoutClient<F> {
    return bound(functions, (work) => this.#withDeadline(work));
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}

function bound<F extends Record<string, OnClient>>(
  functions: F,
  run: (work: (client: pg.Client) => Promise<unknown>) => Promise<unknown>,
): WithoutClient<F> {
  const methods = Object.entries(functions).map(([name, on]) => [
    name,
    (...rest: never[]) => run((client) => on(client, ...rest)),
  ]);
  return Object.fromEntries(methods) as WithoutClient<F>;
}
