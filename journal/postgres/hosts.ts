/**
 * Which server to write to: of the hosts of a connection string, the one that takes writes.
 *
 * Every connection is looked at before it is used: a standby, a server that is read-only, and one
 * that an older timeline gives away as a primary of the past are refused. Each promotion begins a
 * timeline, so the highest number that was ever seen is the present; when a higher one appears,
 * every connection to an older server is severed, whether it answers or not. That is what keeps a
 * primary that was replaced while it lived (split brain) from being written to again.
 *
 * With several hosts, after a loss, all are asked at once, and the newest that takes writes is
 * chosen; as long as it serves, further connections go to it without asking the others.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Host } from '../connection-string.ts';
import { sqlState, Unfit, messageOf } from './faults.ts';

/** A connection that stands. */
export interface ServerSession {
  readonly client: pg.Client;
  readonly host: Host;
  /** Of the server's process at its other end. */
  readonly pid: number;
  /** Null where the server does not tell. */
  readonly timeline: number | null;
  /** Ends it without farewell; what is under way on it fails for this reason. */
  sever(reason: string): void;
}

/** `synchronous_commit = off` would say "committed" of what a crash of the server can undo. */
export const STANDING = `
select pg_backend_pid() as pid, pg_is_in_recovery() as standby,
  current_setting('transaction_read_only') = 'on' as "readOnly",
  case current_setting('synchronous_commit') when 'off'
    then set_config('synchronous_commit', 'on', false) end`;
/** The insert position's timeline: a checkpoint's is the old one for a while after a promotion. */
export const LINEAGE = `
select ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int as timeline,
  (select system_identifier::text from pg_control_system()) as system`;

/** How long one host may take to answer when several are asked. */
const VISIT_LIMIT_MS = 3_000;
/** How long the others may take once one that takes writes has answered. */
const STRAGGLER_MS = 500;

export class Hosts {
  /** Of all lines: to be severed together. */
  readonly sessions = new Set<ServerSession>();
  readonly all: readonly Host[];
  #newest = 0;
  #system: string | null = null;
  #best: Host | null = null;
  #choosing: Promise<Host> | null = null;

  constructor(hosts: readonly Host[]) {
    this.all = hosts;
  }

  /** Where to connect now. */
  choose(): Promise<Host> {
    const [only] = this.all;
    if (this.all.length === 1 && only !== undefined) return Promise.resolve(only);
    if (this.#best !== null) return Promise.resolve(this.#best);
    this.#choosing ??= this.#find().finally(() => {
      this.#choosing = null;
    });
    return this.#choosing;
  }

  /** It failed: the next one who connects looks around again. */
  suspect(host: Host): void {
    if (this.#best === host) this.#best = null;
  }

  /** One more connection stands, unless a promotion was noticed while it was being made. */
  join(connection: ServerSession): void {
    const { timeline, host } = connection;
    if (timeline !== null && timeline < this.#newest) {
      const reason = `${host.name} was replaced while it was connected to`;
      connection.sever(reason);
      throw new Unfit(reason);
    }
    this.sessions.add(connection);
  }

  /** What one line learned by waiting, the others of this host need not learn again. */
  severAll(host: Host, reason: string): void {
    this.suspect(host);
    for (const each of this.sessions) if (each.host === host) each.sever(reason);
  }

  /** Refuses a server that must not be written to, and learns from the others. */
  async admit(client: pg.Client, { name }: Host): Promise<Pick<ServerSession, 'pid' | 'timeline'>> {
    const { rows } = await client.query<{ pid: number; standby: boolean; readOnly: boolean }>(
      STANDING,
    );
    const standing = rows[0];
    if (standing === undefined) throw new Error(`${name} does not say what it is`);
    if (standing.standby) throw new Unfit(`${name} is a standby`);
    if (standing.readOnly) throw new Unfit(`${name} is read-only`);
    const { timeline, system } = await lineage(client);
    this.#system ??= system;
    if (system !== null && system !== this.#system) {
      throw new Unfit(`${name} belongs to another database cluster than before`);
    }
    if (timeline !== null && timeline < this.#newest) {
      throw new Unfit(
        `${name} is a primary of the past (timeline ${timeline}; timeline ${this.#newest} was seen)`,
      );
    }
    if (timeline !== null && timeline > this.#newest) this.#newer(timeline, name);
    return { pid: standing.pid, timeline };
  }

  #newer(timeline: number, name: string): void {
    this.#newest = timeline;
    for (const each of this.sessions) {
      if (each.timeline !== null && each.timeline < timeline) {
        this.suspect(each.host);
        each.sever(`${name} has been promoted (timeline ${timeline})`);
      }
    }
  }

  /** A short connection of its own: is this host the one to write to, and what does it say? */
  async visit<T>(
    host: Host,
    limitMs: number,
    ask: (client: pg.Client, timeline: number | null) => Promise<T>,
  ): Promise<T> {
    const client = new pg.Client(host.connection);
    // ignored: a connection that is lost fails the statement that is under way.
    client.on('error', () => undefined);
    const timer = setTimeout(() => {
      destroy(client, `no answer within ${limitMs / 1_000} s`);
    }, limitMs);
    try {
      await client.connect();
      const { timeline } = await this.admit(client, host);
      return await ask(client, timeline);
    } finally {
      clearTimeout(timer);
      // ignored: no caller waits for the farewell, and the peer may be gone.
      void client.end().catch(() => undefined);
      setTimeout(() => destroy(client, 'over'), limitMs).unref();
    }
  }

  async #find(): Promise<Host> {
    const found: { readonly host: Host; readonly timeline: number }[] = [];
    const visits = this.all.map((host) =>
      this.visit(host, VISIT_LIMIT_MS, async (_client, timeline) => {
        found.push({ host, timeline: timeline ?? 0 });
      }),
    );
    const all = Promise.allSettled(visits);
    const late = Promise.any(visits).then(
      () => delay(STRAGGLER_MS, undefined, { ref: false }),
      () => undefined,
    );
    await Promise.race([all, late]);
    const newest = found.toSorted((left, right) => right.timeline - left.timeline)[0];
    if (newest !== undefined) {
      this.#best = newest.host;
      return newest.host;
    }
    const refusals = (await all).map((visit): unknown =>
      visit.status === 'rejected' ? visit.reason : undefined,
    );
    const words = refusals.map((error, at) => reasonOf(this.all[at]?.name ?? '', error)).join('; ');
    if (refusals.some((error) => error instanceof Unfit)) {
      throw new Unfit(`no host takes writes: ${words}`);
    }
    throw new Error(`no host answers: ${words}`);
  }
}

function reasonOf(name: string, error: unknown): string {
  return error instanceof Unfit ? error.message : `${name}: ${messageOf(error)}`;
}

interface ServerLineage {
  readonly timeline: number | null;
  readonly system: string | null;
}

/** Some hosted servers keep it to themselves; then there is no guard, as before. */
async function lineage(client: pg.Client): Promise<ServerLineage> {
  try {
    const { rows } = await client.query<ServerLineage>(LINEAGE);
    return rows[0] ?? { timeline: null, system: null };
  } catch (error) {
    const state = sqlState(error);
    if (state === null || state.startsWith('57') || state.startsWith('08')) throw error;
    return { timeline: null, system: null };
  }
}

/** Without farewell: `end()` would wait for a peer that does not answer. */
export function destroy(client: pg.Client, reason?: string): void {
  const { stream } = (
    client as unknown as { connection: { stream: { destroy(error?: Error): void } } }
  ).connection;
  stream.destroy(reason === undefined ? undefined : new Error(reason));
}
