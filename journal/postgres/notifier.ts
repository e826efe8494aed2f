/**
 * Notifications: what one node tells all others at once, by LISTEN and NOTIFY on a connection of their own.
 *
 * Most notifications are sent in the transaction that they tell of, so they arrive if and only if it is
 * committed. A notification says that there is something to look at, never what: who missed it while its
 * connection was away is notified of `resync` when it is back, and looks at everything.
 *
 * `feed` would be sent with every append. It is sent at most so often, the last one always, on this
 * connection, and only while another node is there to receive it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { Coalesced } from '../../model/coalesced.ts';
import type { Notification } from '../notifications.ts';
import { Connection, type ConnectionContext } from './connection.ts';

/** Channels are the database's; several journals may live in schemas of one. */
export const CHANNEL = `('tutti_' || current_schema()::regnamespace::oid)`;
export const FIND_CHANNEL = `select ${CHANNEL} as channel`;
export const NOTIFY = `select pg_notify(${CHANNEL}, $1)`;
/** A notification says nothing that a crash could make wrong, so it does not wait for the disk. */
const NOTIFY_SETTINGS = 'set synchronous_commit = off';

const FEED_PAUSE_MS = 50;

/** `joined`: a node registered. Only this file receives it. */
type Payload = Notification | { readonly about: 'joined' };

export function payloadOf(notification: Payload): string {
  return JSON.stringify(notification);
}

/** To be called in the transaction that it tells of. */
export async function notifyIn(client: pg.Client, notification: Payload): Promise<void> {
  await client.query(NOTIFY, [payloadOf(notification)]);
}

// ignored: a connection gives up only when the journal closes, or is refused for good by a database that
// then refuses every append, too, and says so there.
const gaveUp = (): void => {};

export class Notifier {
  readonly #connection: Connection;
  readonly #context: ConnectionContext;
  readonly #listeners = new Set<(notification: Notification) => void>();
  #othersLive = false;
  readonly #check: Coalesced;
  readonly #feed: Coalesced;

  constructor(context: ConnectionContext) {
    this.#context = context;
    this.#connection = new Connection(context, (client) => this.#prepare(client));
    this.#check = new Coalesced(() => this.#connect(), gaveUp);
    this.#feed = new Coalesced(() => this.#notifyOfFeed(), gaveUp);
    this.#connection.onLoss = () => this.#check.ask();
  }

  listen(receive: (notification: Notification) => void): () => void {
    this.#listeners.add(receive);
    this.#check.ask();
    return () => this.#listeners.delete(receive);
  }

  /** After each renewal: an idle connection does not notice that its other end has gone. */
  renewed(othersLive: boolean): void {
    this.#othersLive = othersLive;
    this.#check.ask();
  }

  notify(): void {
    if (this.#othersLive) this.#feed.ask();
  }

  async #prepare(client: pg.Client): Promise<void> {
    client.on('notification', ({ payload }) => this.#receive(payload ?? ''));
    const { rows } = await client.query<{ channel: string }>(FIND_CHANNEL);
    await client.query(`${NOTIFY_SETTINGS}; listen "${rows[0]?.channel}"`);
    this.#tell({ about: 'resync' });
  }

  #receive(payload: string): void {
    const notification = JSON.parse(payload) as Payload;
    if (notification.about === 'joined') this.#othersLive = true;
    else this.#tell(notification);
  }

  #tell(notification: Notification): void {
    for (const receive of this.#listeners) receive(notification);
  }

  /** Connects when it is not, and sees to it that the connection stands. */
  async #connect(): Promise<void> {
    if (this.#listeners.size === 0) return;
    await this.#connection.withRetry((client) => client.query('select 1'));
  }

  /** With the pause that follows it: an ask during the pause is served by one more after it. */
  async #notifyOfFeed(): Promise<void> {
    const { closing } = this.#context;
    const pause = delay(FEED_PAUSE_MS, undefined, { signal: closing, ref: false });
    const sent = this.#connection.withRetry((client) => notifyIn(client, { about: 'feed' }));
    await Promise.allSettled([sent, pause]);
    await sent;
  }

  async close(): Promise<void> {
    this.#check.stop();
    this.#feed.stop();
    this.#listeners.clear();
    await this.#connection.close();
  }
}
