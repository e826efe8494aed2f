/**
 * What happens to the runs of a node that dies, as the database tells it: when its lease ended,
 * and when each of the runs that it worked on had another owner.
 */
import type pg from 'pg';
import { holds } from '../failover/server.ts';

const LEFT = `
select round(date_part('epoch', until) * 1000) as "endsAt", until is null as gone,
  round(date_part('epoch', clock_timestamp()) * 1000) as now,
  (select count(*)::int from runs
    where owner = nodes.id and ended_at is null and wake_at is null) as runs
from leases join nodes on nodes.id = leases.node where nodes.name = $1`;
interface Left {
  readonly endsAt: number | null;
  readonly gone: boolean;
  readonly now: number;
  /** That it works on, as far as the journal knows. */
  readonly runs: number;
}
const OPEN =
  'select id, workflow, status from runs where ended_at is null order by created_at limit 10';

export class Takeovers {
  readonly figuresMs: number[] = [];
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Resolves when the others have taken over what the node had; it is dead, or hangs. */
  async after(node: string): Promise<void> {
    let endsAt = 0;
    let before = 0;
    await holds(`nothing of ${node} is left`, async () => {
      const { rows } = await this.#client.query<Left>(LEFT, [node]);
      const [left] = rows;
      if (left === undefined) return false;
      endsAt = left.endsAt ?? endsAt;
      for (; before > left.runs; before--) this.figuresMs.push(Math.max(0, left.now - endsAt));
      before = left.runs;
      return left.gone && left.runs === 0;
    });
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
