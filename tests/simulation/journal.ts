/**
 * A journal in memory that keeps the port's promises (fencing, atomic batches, order) and can be
 * held: an append waits until the test lets it through, and "not durable yet" can be seen. What is
 * written survives the engine that wrote it: a crash is a new engine on the same journal.
 */
import type {
  AppendResult,
  Batch,
  Bell,
  Bulks,
  Retentions,
  Claim,
  EventRow,
  FeedPage,
  FeedPosition,
  Journal,
  LogEnd,
  LogRow,
  NodeLease,
  NodeRow,
  PoolRow,
  PoolState,
  PoolVersion,
  Renewal,
  Requests,
  Slots,
  SlotWant,
  StoredRun,
  VersionRow,
  Views,
} from '../../journal/journal.ts';
import { grant } from '../../journal/postgres/slots.ts';
import { TuttiError } from '../../model/errors.ts';
import { isPrivate, privatePool } from '../../model/pool.ts';
import { Bells } from './bells.ts';
import { type Row, slotKey, type StoredNode, summary, wakeAt } from './rows.ts';

export class MemoryJournal implements Journal {
  readonly width = 3;
  readonly rows = new Map<string, Row>();
  readonly logRows = new Map<string, LogRow>();
  /** By run, the number of an event that the database refuses: until it has refused it alone, once. */
  readonly poison = new Map<string, number>();
  /** Every batch as it was committed. */
  readonly batches: Batch[] = [];
  /** Calls of anything but append, by name: who polls shows up here. */
  readonly calls = new Map<string, number>();
  readonly #nodes: StoredNode[] = [];
  readonly #versions = new Map<string, VersionRow[]>();
  readonly #shared = new Map<string, { readonly slots: number; readonly version: number }>();
  readonly #bells = new Bells();
  /** Every event in the order of the commits. */
  readonly #feed: EventRow[] = [];
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

  async register(name: string, leaseMs: number, url: string | null): Promise<NodeLease> {
    this.#count('register');
    const now = this.#now();
    let node = this.#nodes.findIndex((each) => each.name === name);
    if (node < 0) {
      node = this.#nodes.push({ name, epoch: 0, url, registeredAt: now, until: null }) - 1;
    }
    const stored = this.#node(node);
    stored.epoch += 1;
    stored.url = url;
    stored.registeredAt = now;
    stored.until = now + leaseMs;
    return { node, epoch: stored.epoch };
  }

  async renew(lease: NodeLease, leaseMs: number): Promise<Renewal> {
    this.#count('renew');
    if (!this.#holds(lease)) return { kept: false, othersEndInMs: null };
    const now = this.#now();
    this.#node(lease.node).until = now + leaseMs;
    const ends = this.#nodes.flatMap(({ until }, index) =>
      index === lease.node || until === null ? [] : [until],
    );
    const othersEndInMs = ends.length === 0 ? null : Math.max(0, Math.min(...ends) - now);
    return { kept: true, othersEndInMs };
  }

  async resign(lease: NodeLease): Promise<void> {
    this.#count('resign');
    if (!this.#holds(lease)) return;
    const node = this.#node(lease.node);
    node.epoch += 1;
    node.until = null;
    this.#bells.ring({ about: 'orphans' });
  }

  async bury(lease: NodeLease): Promise<number> {
    this.#count('bury');
    if (!this.#holds(lease)) return 0;
    let buried = 0;
    for (const [index, node] of this.#nodes.entries()) {
      if (index === lease.node || node.until === null || node.until >= this.#now()) continue;
      node.epoch += 1;
      node.until = null;
      buried += 1;
    }
    if (buried > 0) this.#bells.ring({ about: 'orphans' });
    return buried;
  }

  async claim(lease: NodeLease, now: number, limit: number): Promise<Claim> {
    this.#count('claim');
    if (!this.#holds(lease)) return { runs: [], nextAt: null };
    const free = [...this.rows].filter(
      ([, row]) => this.#isFree(row.owner) && row.update?.endedAt == null,
    );
    const due = free.filter(([, row]) => (wakeAt(row) ?? now) <= now).slice(0, limit);
    for (const [, row] of due) {
      row.owner = lease.node;
      row.awake = true;
    }
    const later = free.map(([, row]) => wakeAt(row) ?? now).filter((at) => at > now);
    const nextAt = Math.min(...later);
    return { runs: due.map(([id]) => id), nextAt: Number.isFinite(nextAt) ? nextAt : null };
  }

  async claimRun(lease: NodeLease, run: string) {
    this.#count('claimRun');
    const row = this.rows.get(run);
    if (row === undefined) return null;
    if (!this.#holds(lease)) return { owner: row.owner ?? lease.node };
    if (row.owner !== null && row.owner !== lease.node && !this.#isFree(row.owner)) {
      return { owner: row.owner };
    }
    row.owner = lease.node;
    return 'mine' as const;
  }

  listen(hear: (bell: Bell) => void): () => void {
    return this.#bells.listen(hear);
  }

  ring(bell: 'feed'): void {
    const now = this.#now();
    if (this.#nodes.filter(({ until }) => (until ?? 0) > now).length > 1) {
      this.#bells.ring({ about: bell });
    }
  }

  async append(lease: NodeLease, batch: Batch): Promise<AppendResult> {
    await this.#gate;
    if (!this.#holds(lease)) return { kind: 'fenced' };
    for (const start of batch.starts) {
      const others = [...this.rows.values()].map((row) => row.start);
      const taken = [...others, ...batch.starts.slice(0, batch.starts.indexOf(start))].some(
        ({ key, workflow }) =>
          start.key !== null && key === start.key && workflow === start.workflow,
      );
      if (taken) return { kind: 'key-exists', run: start.id };
    }
    const refused = this.#refusalOf(batch);
    if (refused !== undefined) return refused;
    for (const start of batch.starts) {
      const owner = start.unowned === true ? null : lease.node;
      this.rows.set(start.id, { start, update: undefined, owner, awake: false, events: [] });
    }
    for (const event of batch.events) {
      const events = this.#row(event.run).events;
      if (event.seq !== events.length)
        throw new Error(`event ${event.seq} of ${event.run} after ${events.length - 1}`);
      events.push(event);
      this.#feed.push(event);
    }
    for (const update of batch.updates) {
      const row = this.#row(update.run);
      row.update = update;
      row.awake = false;
    }
    if (batch.starts.some(({ unowned }) => unowned === true)) this.#bells.ring({ about: 'due' });
    this.batches.push(batch);
    return { kind: 'committed' };
  }

  /** As PostgreSQL answers: for what a batch says, or because the book has gone on otherwise. */
  #refusalOf(batch: Batch): AppendResult | undefined {
    const bad = batch.events.find(({ run, seq }) => this.poison.get(run) === seq);
    if (bad !== undefined) {
      const alone = batch.events.every(({ run }) => run === bad.run) && batch.starts.length === 0;
      if (alone) this.poison.set(bad.run, -1);
      const error = new TuttiError('write.refused');
      return { kind: 'refused', runs: null, error };
    }
    const begun = new Set(batch.starts.map(({ id }) => id));
    const runs = batch.events
      .filter(({ run, seq }) => !begun.has(run) && (this.rows.get(run)?.events.length ?? 0) > seq)
      .map(({ run }) => run);
    if (runs.length === 0) return undefined;
    const error = new TuttiError('write.refused', `otherwise: ${runs[0]}`);
    return { kind: 'refused', runs, error };
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

  async loadMany(runs: readonly string[]): Promise<readonly StoredRun[]> {
    const loaded = await Promise.all(runs.toSorted().map((run) => this.load(run)));
    return loaded.filter((run) => run !== null);
  }

  async cancellingAbove(run: string): Promise<string | null> {
    this.#count('cancellingAbove');
    let row = this.rows.get(run);
    while (row !== undefined && row.update?.endedAt == null) {
      if ((row.update?.status ?? row.start.status) === 'cancelling') return row.start.id;
      row = this.rows.get(row.start.parent?.run ?? '');
    }
    return null;
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

  async setAside(lease: NodeLease, run: string, reason: string): Promise<void> {
    const row = this.rows.get(run);
    if (row === undefined || !this.#holds(lease) || row.owner !== lease.node) return;
    row.aside = reason;
    row.owner = null;
    row.awake = false;
    const { id, status, version, total } = row.start;
    const counted = { run: id, status, version, total, ended: 0, failed: 0, endedAt: null };
    row.update = { ...counted, ...row.update, wakeAt: Infinity };
    this.#bells.ring({ about: 'slots' });
  }

  async takeBack(lease: NodeLease, run: string): Promise<boolean> {
    const row = this.rows.get(run);
    if (row?.aside === undefined || !this.#holds(lease)) return false;
    row.aside = undefined;
    row.owner = lease.node;
    row.awake = true;
    return true;
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
      bytes: rows.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
    };
  }

  async deploy(
    row: Omit<VersionRow, 'version'>,
    beside: ReadonlyMap<string, number> = new Map(),
  ): Promise<{ version: number; changed: boolean } | null> {
    for (const [name, seen] of beside)
      if ((this.#versions.get(name)?.length ?? 0) !== seen) return null;
    const before = this.#versions.get(row.workflow) ?? [];
    this.#versions.set(row.workflow, [...before, { ...row, version: before.length + 1 }]);
    this.#bells.ring({ about: 'deployed', workflow: row.workflow });
    return { version: before.length + 1, changed: true };
  }

  async version(workflow: string, version: number | null): Promise<VersionRow | null> {
    this.#count('version');
    const versions = this.#versions.get(workflow) ?? [];
    return (version === null ? versions.at(-1) : versions[version - 1]) ?? null;
  }

  async nodeKey(): Promise<Uint8Array> {
    return new Uint8Array(32);
  }

  async deployPool({ pool }: PoolVersion): Promise<{ version: number; changed: boolean }> {
    const version = (this.#shared.get(pool.name)?.version ?? 0) + 1;
    this.#shared.set(pool.name, { slots: pool.slots, version });
    this.#bells.ring({ about: 'pools' });
    return { version, changed: true };
  }

  /** How many slots each pool has by now. */
  get capacities(): ReadonlyMap<string, number> {
    const own = [...this.#versions].flatMap(([workflow, versions]) =>
      Object.entries(versions.at(-1)?.definition.pools ?? {}).map(
        ([pool, slots]) => [privatePool(workflow, pool), slots] as const,
      ),
    );
    return new Map([
      ...own,
      ...[...this.#shared].map(([pool, { slots }]) => [pool, slots] as const),
    ]);
  }

  async pools(): Promise<readonly PoolRow[]> {
    const common = { used: 0, title: null, owner: null, sharedBy: [] };
    return [...this.capacities].map(([name, capacity]) => ({
      ...common,
      name,
      capacity,
      workflow: isPrivate(name) ? (name.split('/')[0] ?? null) : null,
      version: this.#shared.get(name)?.version ?? 0,
    }));
  }

  readonly views = {
    nodes: async () => this.#nodes.map((node, index) => this.#nodeRow(node, index)),
    feed: async (after: FeedPosition | null, limit: number): Promise<FeedPage> => {
      const from = after === null ? this.#feed.length : Number(after);
      const events = this.#feed.slice(from, from + limit);
      const items = events.map((event, index) => ({ position: String(from + index + 1), event }));
      return { items, next: String(from + items.length) };
    },
    run: async (id: string) => {
      const row = this.rows.get(id);
      return row === undefined ? null : summary(row);
    },
    events: async (id: string, after: number, limit: number) =>
      (this.rows.get(id)?.events ?? []).filter(({ seq }) => seq > after).slice(0, limit),
  } as unknown as Views;

  readonly #slots = new Map<string, SlotWant & { readonly since: number }>();
  readonly slots: Slots = {
    take: async (lease, wants) => {
      if (this.#node(lease.node).epoch !== lease.epoch)
        return { granted: wants.map(() => false), pools: [] };
      const states = new Map((await this.#poolStates()).map((state) => [state.pool, { ...state }]));
      for (const want of wants)
        for (const pool of Object.keys(want.slots))
          if (!states.has(pool)) states.set(pool, { pool, capacity: null, used: 0, holders: [] });
      const granted = grant(wants, states, new Set(this.#slots.keys()));
      wants.forEach((want, index) => {
        const key = slotKey(want);
        if (granted[index] === true && !this.#slots.has(key))
          this.#slots.set(key, { ...want, since: this.#now() });
      });
      return { granted, pools: [...states.values()] };
    },
    give: async (lease, keys) => {
      if (this.#node(lease.node).epoch !== lease.epoch) return;
      for (const key of keys) this.#slots.delete(slotKey(key));
      this.#bells.ring({ about: 'slots' });
    },
    keep: async (lease, run, keys) => {
      if (this.#node(lease.node).epoch !== lease.epoch) return;
      const kept = new Set(keys.map(slotKey));
      for (const [key, want] of this.#slots)
        if (want.run === run && !kept.has(key)) this.#slots.delete(key);
      this.#bells.ring({ about: 'slots' });
    },
  };

  /** Every pool as it stands; where nothing is under way nothing is held. */
  async #poolStates(): Promise<PoolState[]> {
    for (const [key, { run }] of this.#slots) {
      const row = this.rows.get(run);
      if (row === undefined) continue;
      const sleeps = (wakeAt(row) ?? 0) > this.#now() + 60_000;
      if (row.update?.endedAt != null || sleeps) this.#slots.delete(key);
    }
    const open = [...this.#slots.values()];
    return [...this.capacities].map(([pool, capacity]) => {
      const holders = open.filter(({ slots }) => slots[pool] !== undefined);
      const used = holders.reduce((sum, { slots }) => sum + (slots[pool] ?? 0), 0);
      return { pool, capacity, used, holders };
    });
  }

  /** The engine asks at its start for bulk commands that were left; nothing else here uses them. */
  readonly bulks = { claim: async () => [] } as unknown as Bulks;
  readonly retentions = { claim: async () => [] } as unknown as Retentions;
  readonly requests = {} as unknown as Requests;

  /** Who holds slots, by key. */
  get slotsHeld(): ReadonlyMap<string, SlotWant> {
    return this.#slots;
  }

  /** The id of a node; undefined when it has never registered. */
  nodeNamed(name: string): number | undefined {
    const node = this.#nodes.findIndex((each) => each.name === name);
    return node < 0 ? undefined : node;
  }

  stalls(): readonly string[] {
    return [];
  }

  async close(): Promise<void> {}

  #count(call: string): void {
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
  }

  #nodeRow(node: StoredNode, index: number): NodeRow {
    const open = [...this.rows.values()].filter(
      (row) => row.owner === index && row.update?.endedAt == null,
    );
    const active = open.filter((row) => wakeAt(row) === null).length;
    const { name, epoch, url, until, registeredAt } = node;
    return {
      node: index,
      name,
      epoch,
      url,
      registeredAt,
      host: null,
      pid: null,
      leaseUntil: until ?? 0,
      alive: until !== null && until > this.#now(),
      active,
      asleep: open.length - active,
    };
  }

  #holds(lease: NodeLease): boolean {
    return this.#node(lease.node).epoch === lease.epoch;
  }

  /** Of nobody, or of a node that is gone: not one whose lease has merely ended. */
  #isFree(owner: number | null): boolean {
    return owner === null || this.#node(owner).until === null;
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
