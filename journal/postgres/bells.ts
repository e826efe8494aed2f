/**
 * Bells: what one node tells all others at once, by LISTEN and NOTIFY on a connection of their own.
 *
 * Most bells are rung in the transaction that they tell of, so they are heard if and only if it is
 * committed. A bell says that there is something to look at, never what: who missed it while its
 * connection was away hears `again` when it is back, and looks at everything.
 *
 * The bell `feed` would ring with every append. It is rung at most so often, the last one always,
 * on this connection, and only while somebody else is there to hear it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Bell } from '../bells.ts';
import { Line, type Source } from './line.ts';

/** Channels are the database's; several journals may live in schemas of one. */
export const CHANNEL = `('tutti_' || current_schema()::regnamespace::oid)`;
export const FIND_CHANNEL = `select ${CHANNEL} as channel`;
export const RING = `select pg_notify(${CHANNEL}, $1)`;
/** A ring says nothing that a crash could make wrong, so nobody waits for the disk. */
export const BELL_SETTINGS = 'set synchronous_commit = off';

const FEED_PAUSE_MS = 50;

/** `joined`: a node registered. Only this file hears it. */
type Payload = Bell | { readonly about: 'joined' };

export function payloadOf(bell: Payload): string {
  return JSON.stringify(bell);
}

/** To be called in the transaction that it tells of. */
export async function ringIn(client: pg.Client, bell: Payload): Promise<void> {
  await client.query(RING, [payloadOf(bell)]);
}

export class Bells {
  readonly #line: Line;
  readonly #source: Source;
  readonly #hearers = new Set<(bell: Bell) => void>();
  #othersLive = false;
  #checking = false;
  #owed = false;
  #ringing = false;

  constructor(source: Source) {
    this.#source = source;
    this.#line = new Line(source, (client) => this.#prepare(client));
    this.#line.onLoss = () => void this.#check();
  }

  listen(hear: (bell: Bell) => void): () => void {
    this.#hearers.add(hear);
    void this.#check();
    return () => this.#hearers.delete(hear);
  }

  /** After each renewal: an idle connection does not notice that its other end has gone. */
  renewed(othersLive: boolean): void {
    this.#othersLive = othersLive;
    void this.#check();
  }

  ring(): void {
    if (!this.#othersLive) return;
    this.#owed = true;
    if (!this.#ringing) void this.#ringOn();
  }

  async #prepare(client: pg.Client): Promise<void> {
    client.on('notification', ({ payload }) => this.#hear(payload ?? ''));
    const { rows } = await client.query<{ channel: string }>(FIND_CHANNEL);
    await client.query(`${BELL_SETTINGS}; listen "${rows[0]?.channel}"`);
    this.#tell({ about: 'again' });
  }

  #hear(payload: string): void {
    const bell = JSON.parse(payload) as Payload;
    if (bell.about === 'joined') this.#othersLive = true;
    else this.#tell(bell);
  }

  #tell(bell: Bell): void {
    for (const hear of this.#hearers) hear(bell);
  }

  /** Connects when it is not, and sees to it that the connection stands. */
  async #check(): Promise<void> {
    if (this.#checking || this.#hearers.size === 0) return;
    this.#checking = true;
    await this.#line.patiently((client) => client.query('select 1')).catch(() => undefined);
    this.#checking = false;
  }

  async #ringOn(): Promise<void> {
    this.#ringing = true;
    const { closing } = this.#source;
    while (this.#owed && !closing.aborted) {
      this.#owed = false;
      const pause = delay(FEED_PAUSE_MS, undefined, { signal: closing, ref: false });
      const rung = this.#line.patiently((client) => ringIn(client, { about: 'feed' }));
      await Promise.allSettled([rung, pause]);
    }
    this.#ringing = false;
  }

  async close(): Promise<void> {
    this.#line.onLoss = () => undefined;
    this.#hearers.clear();
    await this.#line.close();
  }
}
