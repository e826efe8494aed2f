/**
 * What all processes share, and what outlives each of them. The files beside it
 * hold the operations, one noun each; here is what they ask of each other.
 */
import { TuttiError } from '../../model/errors.ts';
import type { BulkRow } from '../bulks.ts';
import type { EventRow } from '../append.ts';
import type { StoredLogChunk } from '../logs.ts';
import type { NodeLease } from '../ownership.ts';
import type { PoolVersion } from '../pools.ts';
import type { RetentionRow } from '../retentions.ts';
import type { SlotWant } from '../slots.ts';
import type { VersionRow } from '../versions.ts';
import { MemoryNotifier } from './notifier.ts';
import type { MemoryRun, StoredNode } from './rows.ts';

interface StoredPool {
  readonly name: string;
  readonly capacity: number;
  readonly workflow: string | null;
  /** Of one that is a document. */
  readonly versions: readonly PoolVersion[];
}

/** The events of one append. */
interface StoredAppend {
  /** How many events stand before it in the feed, also such as were deleted. */
  readonly before: number;
  readonly events: readonly EventRow[];
}

export interface StoredBulk {
  row: BulkRow;
  owner: number;
  /** By run; null: not tried yet. */
  readonly outcomes: Map<
    string,
    { readonly outcome: string; readonly message: string | null } | null
  >;
}

export interface StoredRetention {
  row: RetentionRow;
  owner: number;
  stage: 'runs' | 'bulks' | 'feed' | 'over';
}

export class MemoryStore {
  readonly now: () => number;
  readonly rows = new Map<string, MemoryRun>();
  readonly nodes: StoredNode[] = [];
  readonly notifier = new MemoryNotifier();
  /** By run, task, attempt and position, in the order of their arrival, which is the number. */
  readonly logs = new Map<string, StoredLogChunk & { readonly arrival: number }>();
  readonly versions = new Map<string, VersionRow[]>();
  readonly pools = new Map<string, StoredPool>();
  readonly slots = new Map<string, SlotWant & { readonly since: number }>();
  readonly bulks = new Map<string, StoredBulk>();
  readonly retentions = new Map<string, StoredRetention>();
  /** In the order of the commits. */
  readonly feed: StoredAppend[] = [];
  arrivals = 0;

  constructor(now: () => number) {
    this.now = now;
  }

  holds({ node, epoch }: NodeLease): boolean {
    return this.node(node).epoch === epoch;
  }

  isGone(node: number): boolean {
    return this.node(node).until === null;
  }

  /** Without an owner, or of a node that is gone: not one whose lease has merely ended. */
  isFree(owner: number | null): boolean {
    return owner === null || this.isGone(owner);
  }

  node(index: number): StoredNode {
    const node = this.nodes[index];
    if (node === undefined) throw new TuttiError('internal', `no node ${index}`);
    return node;
  }

  /** How many events the feed has had. */
  get feedEnd(): number {
    const last = this.feed.at(-1);
    return last === undefined ? 0 : last.before + last.events.length;
  }
}
