/**
 * Leases of nodes, and the lock that keeps two processes from being one node.
 *
 * A lease says until when the others leave a node's runs alone; the epoch says who may write.
 * Clocks of nodes do not matter: all times here are the database's.
 *
 * Beside the lease, a process holds a session lock on its node for as long as it lives. A second
 * process of the same name is refused at once, and a crashed one frees it without waiting for
 * the lease. If the lock's connection is lost and another process has the lock afterwards, this
 * process has been replaced: it is fenced, whatever its lease says.
 *
 * Locks are taken in one order: rows of leases (ascending), then rows of nodes. A transaction that changes a
 * node's epoch has locked its lease first.
 */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { bug, TuttiError } from '../../model/errors.ts';
import type { NodeLease, Renewal } from '../ownership.ts';
import { notifyIn } from './notifier.ts';
import { inTransaction, Connection, type ConnectionContext } from './connection.ts';

/** First half of the lock's key: "tutt". The second is the node's id. */
const LOCK_SPACE = 0x74757474;

export const INTRODUCE = 'insert into nodes (name) values ($1) on conflict (name) do nothing';
export const FIND_NODE = 'select id, host, pid, url from nodes where name = $1';
export const TRY_LOCK = `
select pg_try_advisory_lock(${LOCK_SPACE}, $1::int) as mine, pg_backend_pid() as pid`;
/** Our own session of before, which the server keeps because it does not know that we are gone. */
export const TERMINATE_STALE_SESSION = `
select pg_terminate_backend(pid) from pg_locks
where locktype = 'advisory' and classid = ${LOCK_SPACE} and objid = $1::int and pid = $2`;
export const RAISE = `
update nodes set epoch = epoch + 1, host = $2, pid = $3, url = $4, registered_at = now()
where id = $1 returning epoch`;
export const LEASE = `
insert into leases (node, until) values ($1, now() + $2 * interval '1 millisecond')
on conflict (node) do update set until = excluded.until`;
/**
 * `until is not null`: a renewal that waited for `fenceExpired` is checked again on the lease's row
 * alone, and that must tell. Of the others: how long the first of them still lasts.
 */
export const RENEW = `
with renewed as (
  update leases set until = now() + $3 * interval '1 millisecond'
  from nodes where nodes.id = leases.node and nodes.id = $1 and nodes.epoch = $2
  and until is not null returning node
)
select (select count(*)::int from renewed) as kept,
  ceil(date_part('epoch', min(until) - now()) * 1000) as others
from leases where node <> $1 and until is not null`;
export const LOCK_LEASE = 'select node from leases where node = $1 for update';
export const RESIGN = 'update nodes set epoch = epoch + 1 where id = $1 and epoch = $2';

export const STILL_MINE = 'select 1 from nodes where id = $1 and epoch = $2 for share';
/** A lease may have been deleted by hand: its node is gone like one that gave it back. */
export const GIVE_LEASES = `
insert into leases (node, until)
select id, null from nodes where not exists (select from leases where leases.node = nodes.id)
order by id on conflict (node) do nothing`;
export const EXPIRED = `
select node from leases where until < now() or node = $1 order by node for update`;
export const RAISE_EXPIRED = 'update nodes set epoch = epoch + 1 where id = any($1::int[])';
export const RELEASE_LEASES = 'update leases set until = null where node = any($1::int[])';
/** A process that has just died may hold its lock for a moment. */
const LOCK_WAIT_MS = 2_000;
const LOCK_POLL_MS = 20;

/** The last one: a process that stands still inside a transaction does not hold up the others. */
const LEASE_SETTINGS = `
set tcp_keepalives_idle = 10;
set tcp_keepalives_interval = 5;
set idle_in_transaction_session_timeout = '1s'`;

/** Share-locks this node's row while its epoch is ours. */
export async function fence(client: pg.Client, lease: NodeLease): Promise<boolean> {
  const mine = await client.query(STILL_MINE, [lease.node, lease.epoch]);
  return mine.rowCount === 1;
}

/** Fences the nodes whose lease has ended; those under way at the same time do it one by one. */
export function fenceExpired(client: pg.Client, lease: NodeLease): Promise<number> {
  return inTransaction(client, async () => {
    // Our own lease is locked too: while we hold it no node raises our epoch.
    await client.query(GIVE_LEASES);
    const locked = await client.query<{ node: number }>(EXPIRED, [lease.node]);
    const nodes = locked.rows.map((row) => row.node).filter((node) => node !== lease.node);
    if (nodes.length === 0 || !(await fence(client, lease))) return 0;
    await client.query(RAISE_EXPIRED, [nodes]);
    await client.query(RELEASE_LEASES, [nodes]);
    await notifyIn(client, { about: 'orphans' });
    return nodes.length;
  });
}

type ThreadOf = (lease: NodeLease, leaseMs: number) => { stop(): Promise<void> };

export class Leases {
  readonly #connection: Connection;
  readonly #context: ConnectionContext;
  /** Runs one after another: a connection holds one transaction. */
  #last: Promise<unknown> = Promise.resolve();
  #locked: number | null = null;
  #replaced = false;
  /** The server's process that holds, or held, our lock. */
  #holder: number | null = null;
  readonly #threads: ThreadOf | undefined;
  #thread: { stop(): Promise<void> } | undefined;
  /** By a monotonic clock; null while there is no lease. */
  #renewed: { readonly at: number; readonly leaseMs: number } | null = null;

  /** `threads`: what renews while this thread is busy. */
  constructor(context: ConnectionContext, threads?: ThreadOf) {
    this.#context = context;
    this.#threads = threads;
    this.#connection = new Connection(context, (client) => this.#lockAgain(client));
    // The lock guards only while its connection stands: connect again without being asked.
    // ignored: the next renewal meets the same refusal, and reports it.
    this.#connection.onLoss = () => void this.#work(async () => undefined).catch(() => undefined);
  }

  get replaced(): boolean {
    return this.#replaced;
  }

  connectOnce(): Promise<pg.Client> {
    return this.#connection.connectOnce();
  }

  #work<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#connection.withRetry(work));
    // ignored: the caller of the work gets its error; this only waits its turn.
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #lockAgain(client: pg.Client): Promise<void> {
    await client.query(LEASE_SETTINGS);
    if (this.#locked === null) return;
    if (await this.#lock(client, this.#locked)) return;
    this.#replaced = true;
    this.#locked = null;
  }

  async #lock(client: pg.Client, node: number): Promise<boolean> {
    const giveUpAt = Date.now() + LOCK_WAIT_MS;
    for (;;) {
      const { rows } = await client.query<{ mine: boolean; pid: number }>(TRY_LOCK, [node]);
      if (rows[0]?.mine === true) {
        this.#holder = rows[0].pid;
        return true;
      }
      if (this.#holder !== null) await client.query(TERMINATE_STALE_SESSION, [node, this.#holder]);
      if (Date.now() > giveUpAt || this.#context.closing.aborted) return false;
      await delay(LOCK_POLL_MS);
    }
  }

  async register(name: string, leaseMs: number, url: string | null): Promise<NodeLease> {
    const lease = await this.#register(name, leaseMs, url);
    await this.#thread?.stop();
    this.#thread = this.#threads?.(lease, leaseMs);
    return lease;
  }

  #register(name: string, leaseMs: number, url: string | null): Promise<NodeLease> {
    return this.#work(async (client) => {
      await client.query(INTRODUCE, [name]);
      const { rows } = await client.query<NodeHolder>(FIND_NODE, [name]);
      const node = rows[0] ?? bug('a node that was just introduced is not there');
      if (this.#locked !== node.id && !(await this.#lock(client, node.id))) {
        throw new TuttiError('data.in-use', inUse(name, node));
      }
      this.#locked = node.id;
      this.#replaced = false;
      return inTransaction(client, async () => {
        // The lease before the node, as all transactions do: this waits for claims under way.
        await client.query(LEASE, [node.id, leaseMs]);
        const raised = await client.query<{ epoch: string }>(RAISE, [
          node.id,
          hostname(),
          process.pid,
          url,
        ]);
        await notifyIn(client, { about: 'joined' });
        this.#renewed = { at: performance.now(), leaseMs };
        return { node: node.id, epoch: Number(raised.rows[0]?.epoch) };
      });
    });
  }

  async renew(lease: NodeLease, leaseMs: number): Promise<Renewal> {
    const { rows } = await this.#work((client) =>
      client.query<{ kept: number; others: number | null }>(RENEW, [
        lease.node,
        lease.epoch,
        leaseMs,
      ]),
    );
    this.#renewed = { at: performance.now(), leaseMs };
    const others = rows[0]?.others ?? null;
    return {
      kept: rows[0]?.kept === 1 && !this.#replaced,
      othersEndInMs: others === null ? null : Math.max(0, others),
    };
  }

  /** A lease is renewed after a third of it; when two thirds have gone it is nearly lost. */
  stalls(): string[] {
    if (this.#renewed === null || this.#replaced) return [];
    const { leaseMs } = this.#renewed;
    const agoMs = performance.now() - this.#renewed.at;
    if (agoMs < (leaseMs * 2) / 3) return [];
    const at = Date.now() - agoMs;
    const end = new Date(at + leaseMs).toISOString();
    const renewed = `it was last renewed at ${new Date(at).toISOString()}`;
    return agoMs < leaseMs
      ? [`the lease of this node is nearly lost: it ends at ${end}, and ${renewed}`]
      : [`the lease of this node ended at ${end}, and others may take its runs: ${renewed}`];
  }

  async resign(lease: NodeLease): Promise<void> {
    this.#renewed = null;
    await this.#thread?.stop();
    return this.#work((client) =>
      inTransaction(client, async () => {
        await client.query(LOCK_LEASE, [lease.node]);
        const raised = await client.query(RESIGN, [lease.node, lease.epoch]);
        if (raised.rowCount !== 1) return;
        await client.query(RELEASE_LEASES, [[lease.node]]);
        await notifyIn(client, { about: 'orphans' });
      }),
    );
  }

  async close(): Promise<void> {
    this.#connection.onLoss = () => undefined;
    await this.#thread?.stop();
    await this.#connection.close();
  }
}

interface NodeHolder {
  readonly id: number;
  readonly host: string | null;
  readonly pid: number | null;
  readonly url: string | null;
}

function inUse(name: string, holder: NodeHolder): string {
  const where = holder.host === hostname() ? '' : ` on ${holder.host ?? 'an unknown host'}`;
  const url = holder.url === null ? '' : ` at ${holder.url}`;
  return `Another Tutti (process ${holder.pid ?? 'unknown'}${where}) is running as node "${name}"${url}. Use that one, or stop it first.`;
}
