/** Leases of nodes in memory, and how runs change their owner. */
import { TuttiError } from '../../model/errors.ts';
import type { Claim, NodeLease, Ownership, Renewal } from '../ownership.ts';
import type { MemoryStore } from './store.ts';
import { endedAt, type MemoryRun, wakeAt } from './rows.ts';

/** `process`: a process that is a node keeps others from being it, until it is gone. */
export function register(
  store: MemoryStore,
  process: object,
  { name, leaseMs, url }: { name: string; leaseMs: number; url: string | null },
): NodeLease {
  const now = store.now();
  let node = store.nodes.findIndex((each) => each.name === name);
  if (node < 0) {
    const fresh = { name, epoch: 0, url, registeredAt: now, until: null, process };
    node = store.nodes.push(fresh) - 1;
  }
  const stored = store.node(node);
  if (stored.process !== null && stored.process !== process) {
    throw new TuttiError('data.in-use', `Another process is running as node "${name}".`);
  }
  stored.process = process;
  stored.epoch += 1;
  stored.url = url;
  stored.registeredAt = now;
  stored.until = now + leaseMs;
  return { node, epoch: stored.epoch };
}

/** A process is gone: what it was may register again. */
export function depart(store: MemoryStore, process: object): void {
  for (const node of store.nodes) if (node.process === process) node.process = null;
}

export function renew(store: MemoryStore, lease: NodeLease, leaseMs: number): Renewal {
  if (!store.holds(lease)) return { kept: false, othersEndInMs: null };
  const now = store.now();
  store.node(lease.node).until = now + leaseMs;
  const ends = store.nodes.flatMap(({ until }, index) =>
    index === lease.node || until === null ? [] : [until],
  );
  const othersEndInMs = ends.length === 0 ? null : Math.max(0, Math.min(...ends) - now);
  return { kept: true, othersEndInMs };
}

export function resign(store: MemoryStore, lease: NodeLease): void {
  if (!store.holds(lease)) return;
  fence(store, lease.node);
  store.notifier.notify({ about: 'orphans' });
}

export function fenceExpired(store: MemoryStore, lease: NodeLease): number {
  if (!store.holds(lease)) return 0;
  const now = store.now();
  const ended = store.nodes.flatMap(({ until }, index) =>
    index !== lease.node && until !== null && until < now ? [index] : [],
  );
  for (const node of ended) fence(store, node);
  if (ended.length > 0) store.notifier.notify({ about: 'orphans' });
  return ended.length;
}

function fence(store: MemoryStore, node: number): void {
  const stored = store.node(node);
  stored.epoch += 1;
  stored.until = null;
}

export function claim(store: MemoryStore, lease: NodeLease, now: number, limit: number): Claim {
  if (!store.holds(lease)) return { runs: [], nextAt: null };
  const free = [...store.rows].filter(
    ([, row]) => store.isFree(row.owner) && endedAt(row) === null,
  );
  const active = free.filter(([, row]) => wakeAt(row) === null);
  const due = free.filter(([, row]) => wakeAt(row) !== null && (wakeAt(row) ?? now) <= now);
  const runs = [...active, ...due].slice(0, limit);
  for (const [, row] of runs) take(row, lease);
  const later = free.map(([, row]) => wakeAt(row) ?? now).filter((at) => at > now);
  const nextAt = Math.min(...later);
  return { runs: runs.map(([id]) => id), nextAt: Number.isFinite(nextAt) ? nextAt : null };
}

export function claimRun(
  store: MemoryStore,
  lease: NodeLease,
  run: string,
): Awaited<ReturnType<Ownership['claimRun']>> {
  const row = store.rows.get(run);
  if (row === undefined) return null;
  if (row.owner === lease.node) return 'mine';
  if (row.owner !== null && !store.isGone(row.owner)) return { owner: row.owner };
  if (!store.holds(lease)) throw new TuttiError('node.fenced');
  take(row, lease);
  return 'mine';
}

/** One that has ended stays as it is. */
function take(row: MemoryRun, lease: NodeLease): void {
  row.owner = lease.node;
  row.awake = endedAt(row) === null;
}
