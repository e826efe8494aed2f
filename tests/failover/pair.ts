/**
 * A primary and its synchronous standby, each behind a network of its own, and what befalls them.
 *
 * - `kill`: the primary and all its processes are killed; connections end
 * - `vanish`: its host is gone; no connection ends, nothing answers any more
 * - `split`: nothing happens to it; the standby is promoted all the same, and there are two
 *
 * The policy after a promotion is the operator's: `strict` keeps asking for a synchronous standby,
 * so nothing commits until there is one again; `available` goes on with one server meanwhile.
 */
import pg from 'pg';
import { PORT } from '../../journal/embedded/cluster-paths.ts';
import { SUPERUSER } from '../../journal/embedded/cluster.ts';
import { Proxy } from './proxy.ts';
import { holds, Server } from './server.ts';

export const FATES = ['kill', 'vanish', 'split'] as const;
export type Fate = (typeof FATES)[number];
export const POLICIES = ['strict', 'available'] as const;
export type Policy = (typeof POLICIES)[number];

interface Member {
  readonly server: Server;
  readonly network: Proxy;
}

export class Pair {
  #primary: Member;
  #standby: Member;
  /** Leads to the primary, as a load balancer would: for clients that know one host. */
  readonly balancer: Proxy;
  readonly #ports: readonly number[];

  private constructor(primary: Member, standby: Member, balancer: Proxy) {
    this.#primary = primary;
    this.#standby = standby;
    this.balancer = balancer;
    this.#ports = [primary.network.port, standby.network.port];
  }

  static async open(folder: string, databases: readonly string[]): Promise<Pair> {
    const [first, second] = [new Server(folder, 'a'), new Server(folder, 'b')];
    await first.create();
    await first.start();
    for (const name of databases) await first.ask(`create database ${name}`);
    const pair = new Pair(
      { server: first, network: await Proxy.open(first.socket) },
      { server: second, network: await Proxy.open(second.socket) },
      await Proxy.open(first.socket),
    );
    await pair.rebuild();
    return pair;
  }

  url(database: string): string {
    const hosts = this.#ports.map((port) => `127.0.0.1:${port}`).join(',');
    return `postgresql://${SUPERUSER}@${hosts}/${database}?target_session_attrs=read-write`;
  }

  balancedUrl(database: string): string {
    return `postgresql://${SUPERUSER}@127.0.0.1:${this.balancer.port}/${database}`;
  }

  get primary(): Member {
    return this.#primary;
  }

  get standby(): Member {
    return this.#standby;
  }

  /** The balancer is wrong, or the name of the service has not moved yet. */
  mislead(to: Server): void {
    this.balancer.lead(to.socket);
  }

  client(database: string): pg.Client {
    const host = this.#primary.server.sockets;
    return new pg.Client({ host, port: PORT, user: SUPERUSER, database });
  }

  /** The primary's fate; the standby takes over. Resolves when it takes writes. */
  async failOver(fate: Fate, policy: Policy): Promise<void> {
    const old = this.#primary;
    if (fate === 'vanish') old.network.hang();
    if (fate !== 'split') await old.server.kill();
    this.#primary = this.#standby;
    this.#standby = old;
    await this.#primary.server.promote();
    if (policy === 'available') await this.#primary.server.set('synchronous_standby_names', '');
    this.balancer.lead(this.#primary.server.socket);
  }

  /** The other server becomes the standby, from nothing, and every commit waits for it again. */
  async rebuild(): Promise<void> {
    const { server, network } = this.#standby;
    await server.kill();
    network.mend();
    await server.copyFrom(this.#primary.server);
    await server.start();
    await this.#primary.server.set('synchronous_standby_names', '*');
    await holds('the standby is synchronous and has everything', async () => {
      const [row] = await this.#primary.server.ask<{ there: boolean }>(
        `select coalesce(bool_or(sync_state = 'sync' and flush_lsn >= pg_current_wal_flush_lsn()), false)
          as there from pg_stat_replication`,
      );
      return row?.there === true;
    });
  }

  /** Kills what is left. */
  async close(): Promise<void> {
    for (const { server, network } of [this.#primary, this.#standby]) {
      await server.kill();
      await network.close();
    }
    await this.balancer.close();
  }
}
