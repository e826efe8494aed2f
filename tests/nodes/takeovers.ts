/**
 * What happens to the runs of a node that dies, as the database tells it: which were its own, when
 * its lease ended, when each of them went on.
 */
import type pg from 'pg';
import { holds } from '../failover/server.ts';

export interface Lost {
  readonly node: string;
  readonly runs: readonly string[];
}

const OWNED = `
select runs.id from runs join nodes on nodes.id = runs.owner
where nodes.name = $1 and ended_at is null and wake_at is null`;
const LEASE_END = `
select round(date_part('epoch', until) * 1000) as "endsAt", until is null as gone
from leases join nodes on nodes.id = leases.node where nodes.name = $1`;
const STILL_THERE = `
select count(*)::int as runs from runs join nodes on nodes.id = runs.owner
where nodes.name = $1 and ended_at is null and wake_at is null`;
/** The first event of each run after the lease has ended: it was written by whoever took over. */
const WENT_ON = `
select round(date_part('epoch', min(at)) * 1000) - $2::float8 as ms from events
where run_id = any($1::uuid[]) and at > to_timestamp($2::float8 / 1000) group by run_id`;
const OPEN =
  'select id, workflow, status from runs where ended_at is null order by created_at limit 10';

export class Takeovers {
  readonly figuresMs: number[] = [];
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** The runs that the node works on now. */
  async before(node: string): Promise<Lost> {
    const { rows } = await this.#client.query<{ id: string }>(OWNED, [node]);
    return { node, runs: rows.map(({ id }) => id) };
  }

  /** Resolves when the others have taken over what the node had. */
  async after({ node, runs }: Lost): Promise<void> {
    let endsAt = 0;
    await holds(`${node} is fenced`, async () => {
      const { rows } = await this.#client.query<{ endsAt: number | null; gone: boolean }>(
        LEASE_END,
        [node],
      );
      endsAt = rows[0]?.endsAt ?? endsAt;
      return rows[0]?.gone === true;
    });
    await holds(`nothing of ${node} is left`, async () => {
      const { rows } = await this.#client.query<{ runs: number }>(STILL_THERE, [node]);
      return rows[0]?.runs === 0;
    });
    const { rows } = await this.#client.query<{ ms: number }>(WENT_ON, [runs, endsAt]);
    this.figuresMs.push(...rows.map(({ ms }) => ms));
  }

  /** Resolves when no run is open; sentences about those that never end. */
  async allEnded(): Promise<string[]> {
    let open: string[] = [];
    await holds('every run has ended', async () => {
      const { rows } = await this.#client.query<{ id: string; workflow: string; status: string }>(
        OPEN,
      );
      open = rows.map(
        ({ id, workflow, status }) => `run ${id} of ${workflow} is ${status} for ever`,
      );
      return open.length === 0;
    }).catch(() => undefined);
    return open;
  }
}
