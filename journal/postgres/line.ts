/**
 * Lines to the database: connections that come back.
 *
 * A line connects when it is used and again when it was lost, with growing pauses, for as long
 * as the journal is open; each try first asks the embedded server to be running. Who uses a line
 * learns of a loss by an error and decides what it means; `patiently` is the usual answer for
 * what may be done twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { faultOf, refusedByDatabase, wordsOf } from './faults.ts';

export interface Source {
  readonly connection: pg.ClientConfig;
  readonly ensureRunning: () => Promise<void>;
  /** Aborted when the journal closes. */
  readonly closing: AbortSignal;
  readonly stalls: Stalls;
}

const CONNECT_LIMIT_MS = 10_000;
/** No answer for so long: the other end is gone, though nobody said so. */
const ANSWER_LIMIT_MS = 120_000;
const PAUSE_MS = 20;
const PAUSE_MAX_MS = 2_000;

/** What is wrong, since when: for `/readyz`. */
export class Stalls {
  readonly #byLine = new Map<object, { since: number; reason: string }>();

  report(line: object, reason: string, now: number): void {
    this.#byLine.set(line, { since: this.#byLine.get(line)?.since ?? now, reason });
  }
  clear(line: object): void {
    this.#byLine.delete(line);
  }
  sentences(): string[] {
    const oldest = [...this.#byLine.values()].toSorted((a, b) => a.since - b.since)[0];
    if (oldest === undefined) return [];
    const since = new Date(oldest.since).toISOString();
    return [`the database cannot be reached since ${since}: ${oldest.reason}`];
  }
}

export class Line {
  readonly #source: Source;
  readonly #prepare: (client: pg.Client) => Promise<void>;
  #client: pg.Client | null = null;
  #connecting: Promise<pg.Client> | null = null;
  /** Called when a connection that stood is lost. */
  onLoss: () => void = () => undefined;

  constructor(source: Source, prepare: (client: pg.Client) => Promise<void> = async () => {}) {
    this.#source = source;
    this.#prepare = prepare;
  }

  /** One try; used to fail early when the journal is opened. */
  async connectOnce(): Promise<pg.Client> {
    if (this.#source.closing.aborted) throw new TuttiError('node.stopping');
    await this.#source.ensureRunning();
    const client = new pg.Client({
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
      ...this.#source.connection,
    });
    client.on('error', () => this.#drop(client));
    client.on('end', () => this.#drop(client));
    try {
      await client.connect();
      await this.#prepare(client);
    } catch (error) {
      destroy(client);
      throw error;
    }
    if (this.#source.closing.aborted) {
      destroy(client);
      throw new TuttiError('node.stopping');
    }
    this.#client = client;
    this.#source.stalls.clear(this);
    return client;
  }

  #connected(): Promise<pg.Client> {
    if (this.#client !== null) return Promise.resolve(this.#client);
    this.#connecting ??= this.#connectPatiently().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connectPatiently(): Promise<pg.Client> {
    const { closing, stalls } = this.#source;
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
      try {
        return await this.connectOnce();
      } catch (error) {
        if (closing.aborted) throw new TuttiError('node.stopping');
        stalls.report(this, wordsOf(error), Date.now());
        await pause(pauseMs, closing);
      }
    }
  }

  #drop(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    if (!this.#source.closing.aborted) this.onLoss();
  }

  /** Runs `work` on the connection. After an error that loses it, the next use connects again. */
  async use<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await this.#connected();
    const timer = setTimeout(() => destroy(client), ANSWER_LIMIT_MS);
    try {
      return await work(client);
    } catch (error) {
      if (faultOf(error) === 'lost') {
        this.#drop(client);
        destroy(client);
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** For work that may be done twice: until it is done, refused for good, or the journal closes. */
  async patiently<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
      try {
        return await this.use(work);
      } catch (error) {
        await afterFault(error, this, this.#source, pauseMs);
      }
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    this.#source.stalls.clear(this);
    await client?.end().catch(() => undefined);
  }
}

/** Waits before the next try; throws what no try mends. */
export async function afterFault(
  error: unknown,
  line: object,
  source: Source,
  pauseMs: number,
): Promise<void> {
  if (source.closing.aborted) throw new TuttiError('node.stopping');
  if (error instanceof TuttiError) throw error;
  if (faultOf(error) === 'wrong') throw refusedByDatabase(error);
  source.stalls.report(line, wordsOf(error), Date.now());
  await pause(pauseMs, source.closing);
  source.stalls.clear(line);
}

/** Ends early when the journal closes. */
async function pause(pauseMs: number, closing: AbortSignal): Promise<void> {
  try {
    await delay(pauseMs, undefined, { signal: closing });
  } catch {
    // Closing: who waited looks at the signal.
  }
}

/** Without farewell: `end()` would wait for a peer that does not answer. */
function destroy(client: pg.Client): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } })
    .connection;
  stream.destroy();
}

export async function inTransaction<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    if (faultOf(error) !== 'lost' || error instanceof TuttiError) {
      await client.query('rollback').catch(() => undefined);
    }
    throw error;
  }
}
