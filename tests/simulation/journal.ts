/**
 * A journal in memory that keeps the port's promises (fencing, atomic batches, order) and can be
 * held: an append waits until the test lets it through, which is how "not durable yet" is made
 * visible. What is written survives the engine that wrote it, so a crash is a new engine on the
 * same journal.
 */
import type {
  AppendResult,
  Batch,
  Bulks,
  EventRow,
  Journal,
  LogEnd,
  LogRow,
  NodeLease,
  Renewal,
  Requests,
  RunRow,
  RunUpdate,
  StoredRun,
  VersionRow,
  Views,
} from '../../journal/journal.ts';
import { TuttiError } from '../../model/errors.ts';
import type { RunSummary } from '../../model/run.ts';

interface StoredNode {
  readonly name: string;
  epoch: number;
  leaseUntil: number;
}
interface Row {
  start: RunRow;
  update: RunUpdate | undefined;
  owner: number;
  events: EventRow[];
}

export class MemoryJournal implements Journal {
  readonly width = 3;
  readonly rows = new Map<string, Row>();
  readonly logRows = new Map<string, LogRow>();
  /** Every batch as it was committed. */
  readonly batches: Batch[] = [];
  /** Calls of anything but append, by name: who polls shows up here. */
  readonly calls = new Map<string, number>();
  readonly #nodes: StoredNode[] = [];
  readonly #versions = new Map<string, VersionRow[]>();
  readonly #now: () => number;
  #gate: Promise<void> | undefined;
  #open: () => void = () => {};

  constructor(now: () => number) {
    this.#now = now;
  }

  /** From now on appends wait. */
  holdAppends(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  letAppendsThrough(): void {
    this.#gate = undefined;
    this.#open();
  }

  async register(name: string, leaseMs: number): Promise<NodeLease> {
    this.#count('register');
    let node = this.#nodes.findIndex((each) => each.name === name);
    if (node < 0) node = this.#nodes.push({ name, epoch: 0, leaseUntil: 0 }) - 1;
    const stored = this.#node(node);
    stored.epoch += 1;
    stored.leaseUntil = this.#now() + leaseMs;
    return { node, epoch: stored.epoch };
  }

  async renew(lease: NodeLease, leaseMs: number): Promise<Renewal> {
    this.#count('renew');
    const node = this.#node(lease.node);
    if (node.epoch !== lease.epoch) return { kept: false, othersEndInMs: null };
    node.leaseUntil = this.#now() + leaseMs;
    return { kept: true, othersEndInMs: null };
  }

  async resign(lease: NodeLease): Promise<void> {
    this.#count('resign');
    this.#node(lease.node).leaseUntil = 0;
  }

  async adopt(lease: NodeLease): Promise<number> {
    this.#count('adopt');
    let adopted = 0;
    for (const [index, node] of this.#nodes.entries()) {
      if (index === lease.node || node.leaseUntil > this.#now()) continue;
      node.epoch += 1;
      for (const row of this.rows.values()) {
        if (row.owner !== index || row.update?.endedAt != null) continue;
        row.owner = lease.node;
        adopted += 1;
      }
    }
    return adopted;
  }

  bury(): Promise<never> {
    return Promise.reject(new Error('not built yet'));
  }
  claim(): Promise<never> {
    return Promise.reject(new Error('not built yet'));
  }
  claimRun(): Promise<never> {
    return Promise.reject(new Error('not built yet'));
  }
  loadMany(): Promise<never> {
    return Promise.reject(new Error('not built yet'));
  }
  listen(): () => void {
    return () => undefined;
  }
  ring(): void {}

  async append(lease: NodeLease, batch: Batch): Promise<AppendResult> {
    await this.#gate;
    if (this.#node(lease.node).epoch !== lease.epoch) return { kind: 'fenced' };
    for (const start of batch.starts) {
      const others = [...this.rows.values()].map((row) => row.start);
      const taken = [...others, ...batch.starts.slice(0, batch.starts.indexOf(start))].some(
        ({ key, workflow }) =>
          start.key !== null && key === start.key && workflow === start.workflow,
      );
      if (taken) return { kind: 'key-exists', run: start.id };
    }
    for (const start of batch.starts) {
      this.rows.set(start.id, { start, update: undefined, owner: lease.node, events: [] });
    }
    for (const event of batch.events) {
      const events = this.#row(event.run).events;
      if (event.seq !== events.length)
        throw new Error(`event ${event.seq} of ${event.run} after ${events.length - 1}`);
      events.push(event);
    }
    for (const update of batch.updates) this.#row(update.run).update = update;
    this.batches.push(batch);
    return { kind: 'committed' };
  }

  async load(run: string): Promise<StoredRun | null> {
    this.#count('load');
    const row = this.rows.get(run);
    if (row === undefined) return null;
    return {
      summary: summary(row),
      owner: row.owner,
      wakeAt: wakeAt(row),
      events: [...row.events],
    };
  }

  async activeRuns(
    lease: NodeLease,
    after: string | null,
    limit: number,
  ): Promise<readonly string[]> {
    this.#count('activeRuns');
    return [...this.rows]
      .filter(
        ([, row]) =>
          row.owner === lease.node && row.update?.endedAt == null && wakeAt(row) === null,
      )
      .map(([id]) => id)
      .toSorted()
      .filter((id) => after === null || id > after)
      .slice(0, limit);
  }

  async dueRuns(lease: NodeLease, now: number, limit: number) {
    this.#count('dueRuns');
    const asleep = [...this.rows]
      .filter(
        ([, row]) =>
          row.owner === lease.node && row.update?.endedAt == null && wakeAt(row) !== null,
      )
      .map(([id, row]) => ({ id, at: wakeAt(row) ?? 0 }))
      .toSorted((a, b) => a.at - b.at);
    const later = asleep.find(({ at }) => at > now);
    return {
      due: asleep
        .filter(({ at }) => at <= now)
        .slice(0, limit)
        .map(({ id }) => id),
      nextAt: later === undefined || !Number.isFinite(later.at) ? null : later.at,
    };
  }

  async appendLogs(rows: readonly LogRow[]): Promise<void> {
    for (const row of rows) {
      const key = `${row.run}:${row.task}:${row.attempt}:${row.position}`;
      if (!this.logRows.has(key)) this.logRows.set(key, row);
    }
  }

  async logEnd(run: string, task: string, attempt: number): Promise<LogEnd> {
    const rows = [...this.logRows.values()]
      .filter((row) => row.run === run && row.task === task && row.attempt === attempt)
      .toSorted((a, b) => a.position - b.position);
    return {
      position: (rows.at(-1)?.position ?? -1) + 1,
      cursor: rows.findLast((row) => row.cursor !== null)?.cursor ?? null,
    };
  }

  async deploy(
    version: Omit<VersionRow, 'version'>,
  ): Promise<{ version: number; changed: boolean }> {
    const versions = this.#versions.get(version.workflow) ?? [];
    this.#versions.set(version.workflow, versions);
    versions.push({ ...version, version: versions.length + 1 });
    return { version: versions.length, changed: true };
  }

  async version(workflow: string, version: number | null): Promise<VersionRow | null> {
    this.#count('version');
    const versions = this.#versions.get(workflow) ?? [];
    return (version === null ? versions.at(-1) : versions[version - 1]) ?? null;
  }

  async pools(): Promise<ReadonlyMap<string, number>> {
    const pools = new Map<string, number>();
    for (const versions of this.#versions.values()) {
      for (const { definition } of versions) {
        for (const [pool, slots] of Object.entries(definition.pools)) pools.set(pool, slots);
      }
    }
    return pools;
  }

  readonly views = {
    nodes: async () =>
      this.#nodes.map(({ name, epoch, leaseUntil }, node) => ({
        node,
        name,
        epoch,
        url: null,
        leaseUntil,
      })),
    run: async (id: string) => {
      const row = this.rows.get(id);
      return row === undefined ? null : summary(row);
    },
    events: async (id: string, after: number, limit: number) =>
      (this.rows.get(id)?.events ?? []).filter(({ seq }) => seq > after).slice(0, limit),
  } as unknown as Views;

  /** The engine asks at its start for bulk commands that were left; nothing else here uses them. */
  readonly bulks = { claim: async () => [] } as unknown as Bulks;
  readonly requests = {} as unknown as Requests;

  stalls(): readonly string[] {
    return [];
  }

  async close(): Promise<void> {}

  #count(call: string): void {
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
  }

  #node(index: number): StoredNode {
    const node = this.#nodes[index];
    if (node === undefined) throw new TuttiError('internal', `no node ${index}`);
    return node;
  }

  #row(run: string): Row {
    const row = this.rows.get(run);
    if (row === undefined) throw new TuttiError('internal', `no run ${run}`);
    return row;
  }
}

function wakeAt(row: Row): number | null {
  return row.update === undefined ? row.start.wakeAt : row.update.wakeAt;
}

function summary({ start, update }: Row): RunSummary {
  return {
    id: start.id,
    workflow: start.workflow,
    version: update?.version ?? start.version,
    status: update?.status ?? start.status,
    by: start.by,
    createdAt: start.createdAt,
    ...(start.parent !== null && { parent: start.parent }),
    ...(update?.endedAt != null && { endedAt: update.endedAt }),
    tasks: { total: start.total, ended: update?.ended ?? 0, failed: update?.failed ?? 0 },
  };
}
