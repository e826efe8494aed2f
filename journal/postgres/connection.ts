/**
 * Connections to the database that come back.
 *
 * A connection connects when it is used and again when it was lost, with growing pauses, for as long
 * as the journal is open. After a loss or a try that failed, the embedded server is first asked to
 * be running; the journal was opened on one that is. The caller
 * learns of a loss by an error and decides what it means; `withRetry` is the usual answer for work
 * that may be done twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import type { Host } from '../connection-string.ts';
import { faultOf, refusedByDatabase } from './faults.ts';
import { type ServerSession, destroy } from './hosts.ts';
import { troubleOf } from './stalls.ts';
import { watchForAnswer, type WatchedConnection, type WatchContext } from './statement-watchdog.ts';

export interface ConnectionContext extends WatchContext {
  readonly ensureRunning: () => Promise<void>;
  /** Aborted when the journal closes. */
  readonly closing: AbortSignal;
}

const CONNECT_LIMIT_MS = 10_000;
const KEEPALIVE_MS = 10_000;
const FAREWELL_MS = 1_000;
const PAUSE_MS = 20;
const PAUSE_MAX_MS = 2_000;

export class Connection implements WatchedConnection {
  readonly #source: ConnectionContext;
  readonly #prepare: (client: pg.Client) => Promise<void>;
  #session: ServerSession | null = null;
  #connecting: Promise<ServerSession> | null = null;
  /** Whether the server ran when it was last used from here. */
  #serverRuns = true;
  #syncWaitCancelled = false;
  /** See `statement-watchdog.ts`. */
  patienceMs: number;
  /** Called when a connection that stood is lost. */
  onLoss: () => void = () => undefined;

  constructor(
    source: ConnectionContext,
    prepare: (client: pg.Client) => Promise<void> = async () => {},
  ) {
    this.#source = source;
    this.#prepare = prepare;
    this.patienceMs = source.limits.quietMs;
  }

  /**
   * Whether a commit since the last question was answered without waiting for the standby, because
   * the wait was cancelled from outside.
   */
  takeSyncWaitCancelled(): boolean {
    const was = this.#syncWaitCancelled;
    this.#syncWaitCancelled = false;
    return was;
  }

  /** One try; used to fail early when the journal is opened. */
  async connectOnce(): Promise<pg.Client> {
    return (await this.#connect()).client;
  }

  async #connect(): Promise<ServerSession> {
    const { closing, hosts, ensureRunning } = this.#source;
    if (closing.aborted) throw new TuttiError('node.stopping');
    if (!this.#serverRuns) await ensureRunning();
    const host = await hosts.choose();
    this.#serverRuns = false;
    const connection = await this.#connectTo(host).catch((error: unknown) => {
      hosts.suspect(host);
      throw error;
    });
    this.#serverRuns = true;
    if (closing.aborted) {
      destroy(connection.client);
      throw new TuttiError('node.stopping');
    }
    hosts.join(connection);
    this.#session = connection;
    return connection;
  }

  async #connectTo(host: Host): Promise<ServerSession> {
    const client = new pg.Client({
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_MS,
      ...host.connection,
    });
    const limitMs = host.connection.connectionTimeoutMillis ?? CONNECT_LIMIT_MS;
    const timer = setTimeout(() => {
      destroy(client, `${host.name} does not answer within ${limitMs / 1_000} s`);
    }, limitMs);
    client.on('error', () => this.#drop(client));
    client.on('end', () => this.#drop(client));
    client.on('notice', ({ routine }) => {
      // Its words are in the server's language; the name of the function is not.
      if (routine === 'SyncRepWaitForLSN') this.#syncWaitCancelled = true;
    });
    try {
      await client.connect();
      const standing = await this.#source.hosts.admit(client, host);
      await this.#prepare(client);
      return { client, host, ...standing, sever: (reason) => destroy(client, reason) };
    } catch (error) {
      destroy(client);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #connected(): Promise<ServerSession> {
    if (this.#session !== null) return Promise.resolve(this.#session);
    this.#connecting ??= this.#connectWithRetry().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connectWithRetry(): Promise<ServerSession> {
    const { closing, stalls } = this.#source;
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
      try {
        return await this.#connect();
      } catch (error) {
        if (closing.aborted) throw new TuttiError('node.stopping');
        stalls.report(this, troubleOf(error), Date.now());
        await pause(pauseMs, closing);
      }
    }
  }

  #drop(client: pg.Client): void {
    const connection = this.#session;
    if (connection?.client !== client) return;
    this.#session = null;
    this.#serverRuns = false;
    const { closing, hosts } = this.#source;
    hosts.sessions.delete(connection);
    hosts.suspect(connection.host);
    if (!closing.aborted) this.onLoss();
  }

  /** Runs `work` on the connection. After an error that loses it, the next use connects again. */
  async use<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const connection = await this.#connected();
    const { client } = connection;
    const rest = watchForAnswer(this.#source, this, connection);
    try {
      const result = await work(client);
      this.#source.stalls.clear(this);
      this.patienceMs = this.#source.limits.quietMs;
      return result;
    } catch (error) {
      const fault = faultOf(error);
      if (fault === 'lost') {
        this.#drop(client);
        destroy(client);
      } else if (fault !== 'again') {
        this.#source.stalls.clear(this);
      }
      throw error;
    } finally {
      rest();
    }
  }

  /**
   * For work that may be done twice: until it is done, is refused for good or is not wanted any
   * more, or the journal closes.
   */
  async withRetry<T>(
    work: (client: pg.Client) => Promise<T>,
    isWanted: () => boolean = () => true,
  ): Promise<T> {
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
      try {
        return await this.use(work);
      } catch (error) {
        if (!isWanted()) throw error;
        await pauseAfterFault(error, this, this.#source, pauseMs);
      }
    }
  }

  async close(): Promise<void> {
    const connection = this.#session;
    this.#session = null;
    this.#source.stalls.forget(this);
    if (connection === null) return;
    this.#source.hosts.sessions.delete(connection);
    const timer = setTimeout(() => destroy(connection.client), FAREWELL_MS);
    // ignored: a peer that has vanished does not answer a farewell.
    await connection.client.end().catch(() => undefined);
    clearTimeout(timer);
  }
}

/** Waits before the next try; throws what no try repairs. */
export async function pauseAfterFault(
  error: unknown,
  line: object,
  source: ConnectionContext,
  pauseMs: number,
): Promise<void> {
  if (source.closing.aborted) throw new TuttiError('node.stopping');
  if (error instanceof TuttiError) throw error;
  if (faultOf(error) === 'wrong') throw refusedByDatabase(error);
  source.stalls.report(line, troubleOf(error), Date.now());
  await pause(pauseMs, source.closing);
}

/** Ends early when the journal closes. */
export async function pause(pauseMs: number, closing: AbortSignal): Promise<void> {
  try {
    await delay(pauseMs, undefined, { signal: closing });
  } catch {
    // ignored: the journal closes, and the caller looks at the signal.
  }
}

export async function inTransaction<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    if (faultOf(error) !== 'lost' || error instanceof TuttiError) {
      // ignored: the error that led here is thrown, and a lost connection has rolled back.
      await client.query('rollback').catch(() => undefined);
    }
    throw error;
  }
}
