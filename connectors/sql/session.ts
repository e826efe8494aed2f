/**
 * One connection for one action: opened, used, closed. Notices become the log, and an abort of
 * the action cancels the running statement by a second connection, as PostgreSQL wants it.
 *
 * Every step has a limit on this side too: a server that takes the connection and then says
 * nothing keeps none of its promises, its own statement timeout included. Where the limit is
 * over, the connection is given up; what was not committed by then never will be.
 *
 * No pool: an action waits for its own statements only, and a connection is a few milliseconds.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Json } from '../../model/json.ts';
import { unwritable } from '../../model/json-text.ts';
import { type ActionContext, ActionFailure } from '../kit/index.ts';
import { cancelled, failureOf, notConnected, unanswered } from './failure.ts';
import type { SqlConfig } from './schemas.ts';
import { type Rows, Statement, type Wanted } from './statement.ts';
import { limitMessages } from './wire.ts';

export interface Answer extends Rows {
  /** Where the server says it stands now: in a transaction, or in none any more. */
  readonly inTransaction: boolean;
}

export interface Session {
  /** One statement: the extended protocol refuses two. Its rows are dropped unless wanted. */
  query(statement: string, parameters?: readonly Json[], wanted?: Wanted): Promise<Answer>;
}

const CONNECT_LIMIT_MS = 10_000;
/** How long the server may take to say that its own limit is over, or that it was cancelled. */
const GRACE_MS = 2_000;
const CLOSE_LIMIT_MS = 1_000;

/** `limitMs` is for each statement. */
export async function withSession<T>(
  context: ActionContext<SqlConfig>,
  limitMs: number,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { signal } = context;
  if (signal.aborted) throw cancelled();
  const client = await connect(context, limitMs);
  client.on('notice', ({ severity, message }) => {
    context.log('note', `${severity ?? 'NOTICE'}: ${message ?? ''}\n`);
  });
  let isGood = false;
  try {
    const result = await work({
      query: async (text, values = [], wanted = { rows: 'none' }) => {
        const rows = await run(context, client, new Statement(text, values, wanted), limitMs);
        return { ...rows, inTransaction: client.getTransactionStatus() === 'T' };
      },
    });
    isGood = true;
    return result;
  } catch (error) {
    throw signal.aborted && isCancelled(error) ? cancelled() : failureOf(error);
  } finally {
    await close(client, isGood);
  }
}

function isCancelled(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '57014';
}

/** Settles whatever the server does: by its answer, or when it had its time. */
async function run(
  context: ActionContext<SqlConfig>,
  client: pg.Client,
  statement: Statement,
  limitMs: number,
): Promise<Rows> {
  const { signal } = context;
  const over = new AbortController();
  const giveUp = (error: unknown) => {
    statement.fail(error);
    client.connection.stream.destroy();
  };
  const later = (ms: number, error: ActionFailure) => {
    delay(ms, undefined, { signal: over.signal }).then(
      () => giveUp(error),
      () => {},
    );
  };
  const stop = () => {
    later(GRACE_MS, cancelled());
    void cancelBackend(context, client);
  };
  later(limitMs + GRACE_MS, unanswered(limitMs));
  signal.addEventListener('abort', stop, { once: true });
  try {
    client.query(statement);
    if (signal.aborted) stop();
    return await statement.done;
  } finally {
    signal.removeEventListener('abort', stop);
    over.abort();
  }
}

/** Ends the connection properly where all went well, without waiting for a server that does not answer. */
async function close(client: pg.Client, isGood: boolean): Promise<void> {
  const { stream } = client.connection;
  if (!isGood) {
    stream.destroy();
    return;
  }
  const over = new AbortController();
  // ignored: the delay rejects when it is aborted, and a lost connection needs no farewell.
  const limit = delay(CLOSE_LIMIT_MS, undefined, { signal: over.signal }).catch(() => {});
  await Promise.race([client.end().catch(() => {}), limit]);
  over.abort();
  stream.destroy();
}

async function connect(context: ActionContext<SqlConfig>, limitMs: number): Promise<pg.Client> {
  const client = openClient(context.config, `tutti ${context.key}`, limitMs);
  const leave = () => client.connection.stream.destroy(cancelled());
  context.signal.addEventListener('abort', leave, { once: true });
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.connection.stream.destroy();
    throw context.signal.aborted ? cancelled() : notConnected(error);
  } finally {
    context.signal.removeEventListener('abort', leave);
  }
}

/** The URL is a secret: an error about it says nothing of it. */
function openClient({ url }: SqlConfig, name: string, limitMs: number): pg.Client {
  try {
    const client = new pg.Client({
      connectionString: url,
      application_name: name.slice(0, 63),
      connectionTimeoutMillis: Math.min(CONNECT_LIMIT_MS, limitMs),
      keepAlive: true,
    });
    // ignored: a connection that is lost while it is idle fails the next query.
    client.on('error', () => {});
    limitMessages(client);
    return client;
  } catch {
    throw new ActionFailure({
      class: 'rejected',
      code: 'sql.url',
      message: "the system's url cannot be read; it must look like postgres://user@host:5432/name",
    });
  }
}

/** The server's number of the session is in its greeting, and not in the types of pg. */
function backendOf(client: pg.Client): number {
  return (client as pg.Client & { readonly processID?: number }).processID ?? 0;
}

async function cancelBackend(
  { config }: ActionContext<SqlConfig>,
  working: pg.Client,
): Promise<void> {
  const client = openClient(config, 'tutti cancel', GRACE_MS);
  const over = new AbortController();
  const { stream } = client.connection;
  delay(GRACE_MS, undefined, { signal: over.signal }).then(
    () => stream.destroy(),
    () => {},
  );
  try {
    await client.connect();
    await client.query('select pg_cancel_backend($1)', [backendOf(working)]);
  } catch {
    // ignored: a statement that cannot be cancelled ends at its own limit.
  } finally {
    over.abort();
    stream.destroy();
  }
}

/** A statement goes to the server with a zero at its end: one inside would cut it there. */
export function refuseUnwritable(statement: string): void {
  const wrong = unwritable(statement);
  if (wrong === undefined) return;
  throw new ActionFailure({
    class: 'rejected',
    code: 'sql.statement',
    message: `the statement ${wrong}`,
  });
}
