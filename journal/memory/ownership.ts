/** Leases of nodes in memory, and how runs change their owner. */
import { TuttiError } from '../../model/errors.ts';
import type { Claim, NodeLease, Ownership, Renewal } from '../ownership.ts';
import type { Book } from './book.ts';
import { endedAt, type Row, wakeAt } from './rows.ts';

/** `process`: whoever is a node keeps others from being it, until it is gone. */
export function register(
  book: Book,
  process: object,
  { name, leaseMs, url }: { name: string; leaseMs: number; url: string | null },
): NodeLease {
  const now = book.now();
  let node = book.nodes.findIndex((each) => each.name === name);
  if (node < 0) {
    const fresh = { name, epoch: 0, url, registeredAt: now, until: null, process };
    node = book.nodes.push(fresh) - 1;
  }
  const stored = book.node(node);
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
export function depart(book: Book, process: object): void {
  for (const node of book.nodes) if (node.process === process) node.process = null;
}

export function renew(book: Book, lease: NodeLease, leaseMs: number): Renewal {
  if (!book.holds(lease)) return { kept: false, othersEndInMs: null };
  const now = book.now();
  book.node(lease.node).until = now + leaseMs;
  const ends = book.nodes.flatMap(({ until }, index) =>
    index === lease.node || until === null ? [] : [until],
  );
  const othersEndInMs = ends.length === 0 ? null : Math.max(0, Math.min(...ends) - now);
  return { kept: true, othersEndInMs };
}

export function resign(book: Book, lease: NodeLease): void {
  if (!book.holds(lease)) return;
  fence(book, lease.node);
  book.notifier.notify({ about: 'orphans' });
}

export function fenceExpired(book: Book, lease: NodeLease): number {
  if (!book.holds(lease)) return 0;
  const now = book.now();
  const ended = book.nodes.flatMap(({ until }, index) =>
    index !== lease.node && until !== null && until < now ? [index] : [],
  );
  for (const node of ended) fence(book, node);
  if (ended.length > 0) book.notifier.notify({ about: 'orphans' });
  return ended.length;
}

function fence(book: Book, node: number): void {
  const stored = book.node(node);
  stored.epoch += 1;
  stored.until = null;
}

export function claim(book: Book, lease: NodeLease, now: number, limit: number): Claim {
  if (!book.holds(lease)) return { runs: [], nextAt: null };
  const free = [...book.rows].filter(([, row]) => book.isFree(row.owner) && endedAt(row) === null);
  const active = free.filter(([, row]) => wakeAt(row) === null);
  const due = free.filter(([, row]) => wakeAt(row) !== null && (wakeAt(row) ?? now) <= now);
  const runs = [...active, ...due].slice(0, limit);
  for (const [, row] of runs) take(row, lease);
  const later = free.map(([, row]) => wakeAt(row) ?? now).filter((at) => at > now);
  const nextAt = Math.min(...later);
  return { runs: runs.map(([id]) => id), nextAt: Number.isFinite(nextAt) ? nextAt : null };
}

export function claimRun(
  book: Book,
  lease: NodeLease,
  run: string,
): Awaited<ReturnType<Ownership['claimRun']>> {
  const row = book.rows.get(run);
  if (row === undefined) return null;
  if (row.owner === lease.node) return 'mine';
  if (row.owner !== null && !book.isGone(row.owner)) return { owner: row.owner };
  if (!book.holds(lease)) throw new TuttiError('node.fenced');
  take(row, lease);
  return 'mine';
}

/** One that has ended stays as it is. */
function take(row: Row, lease: NodeLease): void {
  row.owner = lease.node;
  row.awake = endedAt(row) === null;
}
