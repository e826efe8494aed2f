/** Who may write, and which runs are whose: leases of nodes, and how runs change their owner. */

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
   * did not fit into `limit`: a node with capacity continues until a page is empty.
   */
  readonly nextAt: number | null;
}

export interface Ownership {
  /**
   * Takes the node's lease under `name`, raising its epoch: what an older process of this name
   * still writes is fenced. While that process lives, as far as the journal can tell, this one is
   * refused with `data.in-use`. A process that registers again takes its own lease again.
   */
  register(name: string, leaseMs: number, url: string | null): Promise<NodeLease>;
  /** Renews the lease, and says how long those of the other nodes still last. */
  renew(lease: NodeLease, leaseMs: number): Promise<Renewal>;
  /** Gives the lease back at a graceful stop: from then on the others may claim its runs. Notifies `orphans`. */
  resign(lease: NodeLease): Promise<void>;
  /**
   * Fences the nodes whose lease has ended: their epochs are raised, and from then on their runs
   * may be claimed. Notifies `orphans` when there are any; returns how many nodes it was.
   */
  fenceExpired(lease: NodeLease): Promise<number>;
  /**
   * Makes up to `limit` runs this node's own: active ones, and sleeping ones that are due at
   * `now`, of those that have no owner or one that is gone (fenced or resigned). Several nodes may
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
}
