/** What a journal in memory holds of nodes and runs, and how it is read. */
import type { RunSummary } from '../../model/run.ts';
import type { EventRow, RunRow, RunUpdate } from '../append.ts';
import type { SlotKey } from '../slots.ts';

export interface StoredNode {
  readonly name: string;
  epoch: number;
  url: string | null;
  registeredAt: number;
  /** null: given back, or taken away. */
  until: number | null;
  /** The process that is this node, for as long as it lives. */
  process: object | null;
}

export interface MemoryRun {
  start: RunRow;
  update: RunUpdate | undefined;
  owner: number | null;
  /** A claim has made it active since its last update. */
  awake: boolean;
  aside?: string | undefined;
  events: EventRow[];
}

export function slotKey({ run, task, attempt }: SlotKey): string {
  return `${run}:${task}:${attempt}`;
}

export function wakeAt(row: MemoryRun): number | null {
  if (row.awake) return null;
  return row.update === undefined ? row.start.wakeAt : row.update.wakeAt;
}

export function endedAt(row: MemoryRun): number | null {
  return row.update?.endedAt ?? null;
}

export function statusOf(row: MemoryRun): RunSummary['status'] {
  return row.update?.status ?? row.start.status;
}

export function summary(row: MemoryRun): RunSummary {
  const { start, update, aside } = row;
  const ended = endedAt(row);
  return {
    id: start.id,
    workflow: start.workflow,
    version: update?.version ?? start.version,
    status: statusOf(row),
    by: start.by,
    createdAt: start.createdAt,
    ...(start.key !== null && { key: start.key }),
    ...(start.businessDate !== null && { businessDate: start.businessDate }),
    ...(start.parent !== null && { parent: start.parent }),
    ...(ended !== null && { endedAt: ended }),
    tasks: {
      total: update?.total ?? start.total,
      ended: update?.ended ?? 0,
      failed: update?.failed ?? 0,
    },
    ...(aside !== undefined && { aside }),
  };
}

/** In the order of the characters. */
export function compare<T>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
