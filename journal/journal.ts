/**
 * The port of the book: what the engine asks of storage. PostgreSQL answers it (`postgres/`);
 * the simulator answers it in memory. Rows in, rows out: nothing here knows the rules.
 *
 * Law 3 lives here: every `append` carries the node's epoch and is refused as `fenced` when
 * somebody has raised it.
 */
import type { Definition } from '../model/definition.ts';
import type { TuttiError } from '../model/errors.ts';
import type { Json } from '../model/json.ts';
import type { RetentionCounts } from '../model/retention.ts';
import type { By, ParentTask, RunStatus, RunSummary } from '../model/run.ts';
import type { Requests } from './requests.ts';

export type { RequestState, Requests, StoredAnswer } from './requests.ts';

import type { PoolRow, PoolState, PoolVersion, SlotKey, SlotWant } from './pools.ts';

export type { PoolRow, PoolState, PoolVersion, SlotKey, SlotWant } from './pools.ts';

/** One event as a row. `data` is the rest of the event as JSON text. */
export interface EventRow {
  /** A UUID, best one that grows with time (version 7). */
  readonly run: string;
  /** 0, 1, 2… within the run, without holes. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly type: string;
  readonly task: string | null;
  readonly attempt: number | null;
  /** For TaskEnded and RunEnded. */
  readonly end: string | null;
  readonly data: string;
}

/** The row of a new run in the view of runs. */
export interface RunRow {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly key: string | null;
  readonly businessDate: string | null;
  readonly parent: ParentTask | null;
  readonly by: By;
  readonly createdAt: number;
  readonly status: RunStatus;
  /**
   * null: active, its owner must hold it in memory. A time: it sleeps until then. Infinity: it
   * waits for a command only. Sleeping runs cost no memory.
   */
  readonly wakeAt: number | null;
  readonly total: number;
  /** Nobody's yet: the writer has no room for it, and any node may claim it when it is due. */
  readonly unowned?: boolean;
}

/** The view columns of a run that change; written in the same transaction as its events. */
export interface RunUpdate {
  readonly run: string;
  readonly status: RunStatus;
  readonly version: number;
  readonly wakeAt: number | null;
  readonly endedAt: number | null;
  readonly total: number;
  readonly ended: number;
  readonly failed: number;
}

export interface Batch {
  readonly starts: readonly RunRow[];
  readonly events: readonly EventRow[];
  /** At most one per run. */
  readonly updates: readonly RunUpdate[];
}

export type AppendResult =
  | { readonly kind: 'committed' }
  | { readonly kind: 'fenced' }
  /** Nothing was written: `run` of this batch has a (workflow, key) that another run has. */
  | { readonly kind: 'key-exists'; readonly run: string }
  /**
   * Nothing was written, and never will be, because of what the batch says: `runs` are those that
   * are to blame; null when that is not known.
   */
  | {
      readonly kind: 'refused';
      readonly runs: readonly string[] | null;
      readonly error: TuttiError;
    };

export interface NodeLease {
  readonly node: number;
  readonly epoch: number;
}

export interface Renewal {
  /** False when the lease was lost. */
  readonly kept: boolean;
  /** Milliseconds until the first lease of another node ends (0: it has); null when there is none. */
  readonly othersEndInMs: number | null;
}

export interface Claim {
  readonly runs: readonly string[];
  /**
   * When to claim again: the next sleeping run without a living owner is due then, or a node that
   * is half-way back has come back or given up. Null when there is no reason. Says nothing of what
   * did not fit into `limit`: whoever has room goes on until a page is empty.
   */
  readonly nextAt: number | null;
}

/**
 * `orphans`: runs lost their node. `due`: a run without an owner waits for a node with room.
 * `slots`: slots of pools were given back. `pools`: a pool has another size. `deployed`: a workflow has a new version. `feed`: events were appended. `again`: see `listen`.
 */
export type Bell =
  | { readonly about: 'orphans' | 'due' | 'slots' | 'pools' | 'feed' | 'again' }
  | { readonly about: 'deployed'; readonly workflow: string };

/** Where a reader of the feed stands: opaque, and comparable to nothing but itself. */
export type FeedPosition = string;

/**
 * Events of all runs in an order that never changes: what was once read before something stays
 * before it, and nothing is ever inserted before what was read.
 */
export interface FeedPage {
  /** Each with the position right after it, from which a reader resumes without loss or repetition. */
  readonly items: readonly { readonly position: FeedPosition; readonly event: EventRow }[];
  /** Where to read on, also when there are no items. */
  readonly next: FeedPosition;
}

export interface LogRow {
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
  /** Position in the attempt's log, 0, 1, 2…; a second write of one position is dropped. */
  readonly position: number;
  readonly stream: 'out' | 'err' | 'note';
  readonly at: number;
  readonly text: string;
  /** The connector's cursor after this chunk, when it is the last of a read. */
  readonly cursor: Json | null;
}

export interface LogEnd {
  /** Next free position and the cursor to read on from. */
  readonly position: number;
  readonly cursor: Json;
  /** How much text there is. */
  readonly bytes: number;
}

export interface StoredRun {
  readonly summary: RunSummary;
  readonly owner: number | null;
  readonly wakeAt: number | null;
  readonly events: readonly EventRow[];
}

export interface VersionRow {
  readonly workflow: string;
  readonly version: number;
  readonly definition: Definition;
  /** The file as it was written. */
  readonly source: string;
  /** The folder that the file came from; relative paths start there. */
  readonly directory: string;
  readonly deployedAt: number;
  readonly by: By;
}

/** A version in a list: without its contents, which may be large. */
export type VersionEntry = Omit<VersionRow, 'definition' | 'source'>;

export interface WorkflowRow {
  readonly name: string;
  readonly title: string | null;
  readonly owner: string | null;
  readonly version: number;
  readonly deployedAt: number;
}

export interface RunFilter {
  readonly workflow?: string;
  readonly statuses?: readonly RunStatus[];
  readonly parent?: string;
  readonly key?: string;
  readonly businessDate?: string;
  /** Created at this time or later, and before this one. Milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
  /** Opaque: the `next` of the page before. */
  readonly after?: string;
  readonly limit: number;
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface LogFilter {
  readonly run: string;
  readonly task?: string;
  /** Of the task. */
  readonly attempt?: number;
  /** Opaque, from the page before: goes on after it. */
  readonly after?: string;
  readonly limit: number;
}

export interface LogPage extends Page<LogRow> {
  /** There was no room for all. */
  readonly more: boolean;
}

/** Slots of pools, shared by all nodes: leases of attempts, counted afresh by whoever takes. */
export interface Slots {
  /**
   * Grants, in the order given, what fits into all its pools; nobody overtakes one who waits for
   * the same pool. An attempt that has its slots already is granted them. Nothing is granted to a
   * node that was fenced. `pools`: how it stands after this.
   */
  take(
    lease: NodeLease,
    wants: readonly SlotWant[],
  ): Promise<{ readonly granted: readonly boolean[]; readonly pools: readonly PoolState[] }>;
  /** Gives back what these attempts hold. Rings `slots`. */
  give(lease: NodeLease, keys: readonly SlotKey[]): Promise<void>;
  /** Gives back what the run holds, but for these attempts of it. Rings `slots`. */
  keep(lease: NodeLease, run: string, keys: readonly SlotKey[]): Promise<void>;
}

/** A bulk command is for so many runs at most, and nobody counts further. */
export const BULK_MAX = 100_000;

export type BulkFilter = Omit<RunFilter, 'after' | 'limit'>;

export interface BulkRow {
  readonly id: string;
  readonly verb: string;
  readonly filter: BulkFilter;
  readonly by: By;
  readonly createdAt: number;
  readonly endedAt: number | null;
  readonly cancelledAt: number | null;
  readonly total: number;
  readonly done: number;
  readonly refused: number;
}

export interface BulkOutcome {
  readonly run: string;
  /** `done`, or the code of the refusal. */
  readonly outcome: string;
  readonly message: string | null;
}

/** Commands on many runs, as they progress. */
export interface Bulks {
  /** One more than `BULK_MAX` when there are more, or when it would have to look at more to tell. */
  count(filter: BulkFilter): Promise<number>;
  /**
   * Notes the runs that the filter finds now. `expected`: how many the asker was told; another
   * number, or more than `BULK_MAX`, leaves everything as it was, and is returned.
   */
  create(
    lease: NodeLease,
    bulk: Pick<BulkRow, 'id' | 'verb' | 'filter' | 'by'> & { readonly expected?: number },
  ): Promise<{ readonly created: boolean; readonly total: number }>;
  /** Runs that were not tried yet, in the order of their ids; none of a cancelled one. */
  open(bulk: string, limit: number): Promise<readonly string[]>;
  /** Ends the bulk command with its last outcome. */
  report(bulk: string, outcomes: readonly BulkOutcome[]): Promise<void>;
  /** Runs that are not tried yet are left alone from now on. */
  cancel(bulk: string): Promise<void>;
  /** Open ones that nobody works on (their node is gone) become this node's. */
  claim(lease: NodeLease): Promise<readonly string[]>;
  find(bulk: string): Promise<BulkRow | null>;
  list(after: string | null, limit: number): Promise<Page<BulkRow>>;
  /** In the order of the runs' ids. */
  refusals(bulk: string, limit: number): Promise<readonly BulkOutcome[]>;
}

export interface RetentionScope {
  /** Runs that ended before it, whole families of them. Milliseconds; null: none. */
  readonly endedBefore: number | null;
  /** Of those that ended before it, the logs. */
  readonly logsBefore: number | null;
  /** Only runs of it at the top of their families. */
  readonly workflow: string | null;
  /** A folder of this node. */
  readonly archive: string | null;
  /** Else it only counts. */
  readonly applies: boolean;
}

export interface RetentionRow {
  readonly id: string;
  readonly scope: RetentionScope;
  readonly by: By;
  readonly createdAt: number;
  readonly endedAt: number | null;
  readonly cancelledAt: number | null;
  readonly portions: number;
  readonly counts: RetentionCounts;
  readonly failure: string | null;
}

/** Deleting what is over, in portions, each of them a transaction that notes how far it is. */
export interface Retentions {
  create(lease: NodeLease, retention: Pick<RetentionRow, 'id' | 'scope' | 'by'>): Promise<void>;
  /**
   * The next portion: archived on the disk, then deleted; `gone` are runs that are no more. No
   * `more` when nothing is left to do, or this node has been fenced. Fails with `retention.archive`,
   * and then has deleted nothing.
   */
  portion(
    lease: NodeLease,
    retention: string,
  ): Promise<{ readonly more: boolean; readonly gone: readonly string[] }>;
  /** Ends it. */
  fail(retention: string, failure: string): Promise<void>;
  cancel(retention: string): Promise<void>;
  /** Open ones that nobody works on (their node is gone) become this node's. */
  claim(lease: NodeLease): Promise<readonly string[]>;
  find(retention: string): Promise<RetentionRow | null>;
  list(after: string | null, limit: number): Promise<Page<RetentionRow>>;
}

/** What the engine writes and reads back. */
export interface Journal {
  /**
   * Takes the node's lease under `name`, raising its epoch: an older process of this name is
   * fenced from this moment on.
   */
  register(name: string, leaseMs: number, url: string | null): Promise<NodeLease>;
  /** Renews the lease, and says how long those of the other nodes still last. */
  renew(lease: NodeLease, leaseMs: number): Promise<Renewal>;
  /** Gives the lease back at a graceful stop: from then on the others may claim its runs. Rings `orphans`. */
  resign(lease: NodeLease): Promise<void>;
  /**
   * Fences the nodes whose lease has ended: their epochs are raised, and from then on their runs
   * may be claimed. Rings `orphans` when there are any; returns how many nodes it was.
   */
  bury(lease: NodeLease): Promise<number>;
  /**
   * Makes up to `limit` runs this node's own: active ones, and sleeping ones that are due at
   * `now`, of those that have no owner or one that is gone (buried or resigned). Several nodes may
   * claim at once; each run goes to one of them. What it returns is active from now on. A run of
   * a node that lives is never touched. Empty when this node has been fenced.
   */
  claim(lease: NodeLease, now: number, limit: number): Promise<Claim>;
  /**
   * The same for one run, asleep or not, also an ended one (which stays as it is): `mine` (it was,
   * or is from now on), the id of the living node that owns it, or null when there is no such run.
   * Fails with `node.fenced` when this node has been fenced and the run is free.
   */
  claimRun(lease: NodeLease, run: string): Promise<'mine' | { readonly owner: number } | null>;
  /**
   * Appends atomically. Resolves only when the truth is known: after a lost connection it
   * reconnects, looks whether the batch is there, and appends it if not. Rejects only with
   * `node.stopping` (closed meanwhile) or a bug.
   *
   * A run's events must be in one append at a time: two of them under way may commit in any
   * order, and one without the other.
   */
  append(lease: NodeLease, batch: Batch): Promise<AppendResult>;
  /** How many appends may be under way at once (connections). */
  readonly width: number;
  load(run: string): Promise<StoredRun | null>;
  /** Many at once, in the order of their ids; those that are not there are left out. */
  loadMany(runs: readonly string[]): Promise<readonly StoredRun[]>;
  /**
   * The nearest run that is being cancelled, of this one and those above it; null when there is
   * none. Nothing above a run that has ended is looked at.
   */
  cancellingAbove(run: string): Promise<string | null>;
  /** Ids of runs of this node that must be in memory: active ones, in pages by id. */
  activeRuns(lease: NodeLease, after: string | null, limit: number): Promise<readonly string[]>;
  /** Sleeping runs of this node that are due, and the next time after `now` when one will be. */
  dueRuns(
    lease: NodeLease,
    now: number,
    limit: number,
  ): Promise<{ due: readonly string[]; nextAt: number | null }>;

  /**
   * Sets a run of this node aside: it is nobody's, never due and never claimed, until it is taken
   * back. `reason` says why in a sentence. What it holds of pools is free: rings `slots`. Nothing
   * happens when this node has been fenced.
   */
  setAside(lease: NodeLease, run: string, reason: string): Promise<void>;
  /** A run that was set aside is this node's, and active (unless it has ended); false: it is not. */
  takeBack(lease: NodeLease, run: string): Promise<boolean>;

  appendLogs(rows: readonly LogRow[]): Promise<void>;
  logEnd(run: string, task: string, attempt: number): Promise<LogEnd>;

  /**
   * Stores the next version, or returns the newest one when nothing changed. Its pools have what it
   * declares. `beside`: the newest versions, 0 for none, of the workflows that it was checked against.
   * Null: one of them has another by now, and nothing was stored.
   */
  deploy(
    version: Omit<VersionRow, 'version'>,
    beside?: ReadonlyMap<string, number>,
  ): Promise<{
    version: number;
    changed: boolean;
  } | null>;
  version(workflow: string, version: number | null): Promise<VersionRow | null>;
  /** The same for a pool that is a document of its own. */
  deployPool(version: PoolVersion): Promise<{ version: number; changed: boolean }>;
  /** In the order of their names. */
  pools(): Promise<readonly PoolRow[]>;
  /** That all nodes of this database share, and nobody else knows. */
  nodeKey(): Promise<Uint8Array>;
  readonly views: Views;
  readonly slots: Slots;
  readonly requests: Requests;
  readonly bulks: Bulks;
  readonly retentions: Retentions;
  /**
   * What other nodes announce (and this one). `again`: the connection was away, so anything may
   * have been missed: look at everything. The result ends it.
   */
  listen(hear: (bell: Bell) => void): () => void;
  /** Tells the others that this node has written; coalesced, never waits, never fails. */
  ring(bell: 'feed'): void;
  /** What keeps it from working right now, in sentences for `/readyz`; empty when all is well. */
  stalls(): readonly string[];
  close(): Promise<void>;
}

export const OPEN_COUNTED_MAX = 10_000;

export interface NodeRow {
  readonly node: number;
  readonly name: string;
  readonly epoch: number;
  readonly url: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  /** By the database's clock. 0: given back or taken away. */
  readonly leaseUntil: number;
  /** By the database's clock: whether the lease has not ended. */
  readonly alive: boolean;
  readonly registeredAt: number | null;
  /** Open runs that it owns, in memory and asleep; nobody counts further than `OPEN_COUNTED_MAX`. */
  readonly active: number;
  readonly asleep: number;
}

/**
 * What people read. Keyset pages; newest first unless said. A page costs what it holds, however
 * much there is; one that had to look further may be short, or empty, and have a `next`.
 */
export interface Views {
  runs(filter: RunFilter): Promise<Page<RunSummary>>;
  run(id: string): Promise<RunSummary | null>;
  /** Ids that begin with this prefix, at most two: enough to tell unique from ambiguous. */
  runsByPrefix(prefix: string): Promise<readonly string[]>;
  /** Events of a run after `seq` (exclusive; -1 for all), oldest first. */
  events(run: string, after: number, limit: number): Promise<readonly EventRow[]>;
  /** Whether an event of the run carries this mark in its `by.request`. */
  marked(run: string, mark: string): Promise<boolean>;
  /**
   * Oldest first, up to `limit` rows and about a megabyte of text. `next` stands after the last item,
   * on the last page too: followers read on from it.
   */
  logs(filter: LogFilter): Promise<LogPage>;
  workflows(after: string | null, limit: number): Promise<Page<WorkflowRow>>;
  versions(workflow: string, after: string | null, limit: number): Promise<Page<VersionEntry>>;
  nodes(): Promise<readonly NodeRow[]>;
  /**
   * Oldest first. null: from now on; the page is empty and says where now is. Fails with `feed.gone`
   * when events after the position were deleted.
   */
  feed(after: FeedPosition | null, limit: number): Promise<FeedPage>;
  /**
   * Whether the database answers and takes what Tutti writes; if not, it fails with a sentence.
   * `aside`: open runs that are set aside.
   */
  ping(): Promise<{ readonly aside: number }>;
}
