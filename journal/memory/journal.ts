/**
 * A journal in memory that keeps the port's promises, as its suites prove: the simulator runs on it.
 * What is written outlives the engine that wrote it, so a crash is a new engine on the same journal.
 *
 * It can be held: an append waits until the test lets it through, which is how "not durable yet" is
 * made visible. It can refuse, as a database does that cannot take what one event says.
 */
import { TuttiError } from '../../model/errors.ts';
import type { AppendResult, Batch } from '../append.ts';
import type { Notification } from '../notifications.ts';
import type { BulkStore } from '../bulks.ts';
import type { Journal, Views } from '../journal.ts';
import type { StoredLogChunk } from '../logs.ts';
import type { NodeLease } from '../ownership.ts';
import type { PoolVersion } from '../pools.ts';
import type { Requests } from '../requests.ts';
import type { RetentionStore } from '../retentions.ts';
import type { StoredRun } from '../runs.ts';
import type { Slots, SlotWant } from '../slots.ts';
import type { VersionRow } from '../versions.ts';
import { append } from './append.ts';
import { MemoryStore } from './store.ts';
import { openBulks } from './bulks.ts';
import { readFeed } from './feed.ts';
import { appendLogs, logEnd, readLogs } from './logs.ts';
import { nodesOf } from './nodes.ts';
import { claim, claimRun, fenceExpired, renew, resign } from './ownership.ts';
import { AppendGate, OwnProcess } from './process.ts';
import { openRequests } from './requests.ts';
import { openRetentions } from './retentions.ts';
import { endedAt, type MemoryRun } from './rows.ts';
import {
  activeRuns,
  cancellingAbove,
  dueRuns,
  load,
  runViews,
  setAside,
  reinstate,
} from './runs.ts';
import { openSlots } from './slots.ts';
import {
  deploy,
  type Deployment,
  deployPool,
  findVersion,
  pools,
  versionViews,
} from './versions.ts';

export class MemoryJournal implements Journal {
  readonly appendConcurrency = 3;
  /** By run, the number of an event that the database refuses: until it has refused it alone, once. */
  readonly poison = new Map<string, number>();
  /** Every batch as it was committed. */
  readonly batches: Batch[] = [];
  /** Calls of anything but append, by name: who polls shows up here. */
  readonly calls = new Map<string, number>();
  readonly #store: MemoryStore;
  readonly #own: OwnProcess;
  readonly #gate = new AppendGate();
  readonly slots: Slots;
  readonly bulks: BulkStore;
  readonly retentions: RetentionStore;
  readonly requests: Requests;
  readonly views: Views;

  constructor(now: () => number) {
    const store = new MemoryStore(now);
    this.#store = store;
    this.#own = this.#process();
    this.slots = openSlots(store);
    this.bulks = openBulks(store);
    this.retentions = openRetentions(store);
    this.requests = openRequests(store);
    this.views = viewsOf(store);
  }

  /**
   * The same journal as one more process has it: of two processes only one is a node of a name. It
   * does what this one does, except for what is a process's own.
   */
  beside(): Journal {
    return withOwn(this, this.#process());
  }

  #process(): OwnProcess {
    return new OwnProcess(this.#store, () => this.#count('register'));
  }

  /** The connections are lost that keep a name to its process: another may have it. */
  loseNames(): void {
    for (const node of this.#store.nodes) node.process = null;
  }

  /** From now on appends wait. */
  holdAppends(): void {
    this.#gate.close();
  }

  letAppendsThrough(): void {
    this.#gate.open();
  }

  register(name: string, leaseMs: number, url: string | null): Promise<NodeLease> {
    return this.#own.register(name, leaseMs, url);
  }

  listen(receive: (notification: Notification) => void): () => void {
    return this.#own.listen(receive);
  }

  close(): Promise<void> {
    return this.#own.close();
  }

  async renew(lease: NodeLease, leaseMs: number) {
    this.#count('renew');
    return renew(this.#store, lease, leaseMs);
  }

  async resign(lease: NodeLease): Promise<void> {
    this.#count('resign');
    resign(this.#store, lease);
  }

  async fenceExpired(lease: NodeLease): Promise<number> {
    this.#count('fenceExpired');
    return fenceExpired(this.#store, lease);
  }

  async claim(lease: NodeLease, now: number, limit: number) {
    this.#count('claim');
    return claim(this.#store, lease, now, limit);
  }

  async claimRun(lease: NodeLease, run: string) {
    this.#count('claimRun');
    return claimRun(this.#store, lease, run);
  }

  notify(notification: 'feed'): void {
    if (this.#store.nodes.filter(({ until }) => until !== null).length > 1) {
      this.#store.notifier.notify({ about: notification });
    }
  }

  async append(lease: NodeLease, batch: Batch): Promise<AppendResult> {
    await this.#gate.passed;
    const refused = this.#store.holds(lease) ? refusalOf(batch, this.poison) : undefined;
    if (refused !== undefined) return refused;
    const result = append(this.#store, lease, batch);
    if (result.kind === 'committed') this.batches.push(batch);
    return result;
  }

  async load(run: string): Promise<StoredRun | null> {
    this.#count('load');
    return load(this.#store, run);
  }

  async loadMany(runs: readonly string[]): Promise<readonly StoredRun[]> {
    const loaded = await Promise.all(runs.toSorted().map((run) => this.load(run)));
    return loaded.filter((run) => run !== null);
  }

  async cancellingAbove(run: string): Promise<string | null> {
    this.#count('cancellingAbove');
    return cancellingAbove(this.#store, run);
  }

  async activeRuns(lease: NodeLease, after: string | null, limit: number) {
    this.#count('activeRuns');
    return activeRuns(this.#store, lease, after, limit);
  }

  async dueRuns(lease: NodeLease, now: number, limit: number) {
    this.#count('dueRuns');
    return dueRuns(this.#store, lease, now, limit);
  }

  async setAside(lease: NodeLease, run: string, reason: string): Promise<void> {
    setAside(this.#store, lease, run, reason);
  }

  async reinstate(lease: NodeLease, run: string): Promise<boolean> {
    return reinstate(this.#store, lease, run);
  }

  async appendLogs(rows: readonly StoredLogChunk[]): Promise<void> {
    appendLogs(this.#store, rows);
  }

  async logEnd(run: string, task: string, attempt: number) {
    return logEnd(this.#store, run, task, attempt);
  }

  async deploy(
    row: Omit<VersionRow, 'version'>,
    beside: ReadonlyMap<string, number> = new Map(),
  ): Promise<Deployment | null> {
    return deploy(this.#store, row, beside);
  }

  async version(workflow: string, number: number | null): Promise<VersionRow | null> {
    this.#count('version');
    return findVersion(this.#store, workflow, number);
  }

  async nodeKey(): Promise<Uint8Array> {
    return new Uint8Array(32);
  }

  async deployPool(row: PoolVersion): Promise<Deployment> {
    return deployPool(this.#store, row);
  }

  async pools() {
    return pools(this.#store);
  }

  stalls(): readonly string[] {
    return [];
  }

  get rows(): Map<string, MemoryRun> {
    return this.#store.rows;
  }

  /** How many slots each pool has by now. */
  get capacities(): ReadonlyMap<string, number> {
    return new Map([...this.#store.pools.values()].map(({ name, capacity }) => [name, capacity]));
  }

  /** Who holds slots, by key. */
  get slotsHeld(): ReadonlyMap<string, SlotWant> {
    return this.#store.slots;
  }

  /** The id of a node; undefined when it has never registered. */
  nodeNamed(name: string): number | undefined {
    const node = this.#store.nodes.findIndex((each) => each.name === name);
    return node < 0 ? undefined : node;
  }

  #count(call: string): void {
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
  }
}

function viewsOf(store: MemoryStore): Views {
  return {
    ...runViews(store),
    ...versionViews(store),
    logs: async (filter) => readLogs(store, filter),
    nodes: async () => nodesOf(store),
    feed: async (after, limit) => readFeed(store, after, limit),
    ping: async () => {
      const open = [...store.rows.values()].filter((row) => endedAt(row) === null);
      return { aside: open.filter(({ aside }) => aside !== undefined).length };
    },
  };
}

/** The journal, but for what is the process's own. */
function withOwn(journal: MemoryJournal, own: OwnProcess): Journal {
  return new Proxy(journal, {
    get: (_, name) => {
      const of = name in own ? own : journal;
      const value: unknown = Reflect.get(of, name, of);
      return typeof value === 'function' ? (value.bind(of) as unknown) : value;
    },
  });
}

/** Refuses a batch with a poisoned event: all of it first, then that event alone, once. */
function refusalOf(batch: Batch, poison: Map<string, number>): AppendResult | undefined {
  const bad = batch.events.find(({ run, seq }) => poison.get(run) === seq);
  if (bad === undefined) return undefined;
  const alone = batch.events.every(({ run }) => run === bad.run) && batch.starts.length === 0;
  if (alone) poison.set(bad.run, -1);
  return { kind: 'refused', runs: null, error: new TuttiError('write.refused') };
}
