/** What a journal in memory holds of nodes and runs, and how it is read. */
import type { EventRow, RunRow, RunUpdate } from '../../journal/append.ts';
import type { SlotKey } from '../../journal/slots.ts';
import type { RunSummary } from '../../model/run.ts';

export interface StoredNode {
  readonly name: string;
  epoch: number;
  url: string | null;
  registeredAt: number;
  /** null: given back, or taken away. */
  until: number | null;
}
export interface Row {
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

export function wakeAt(row: Row): number | null {
  if (row.awake) return null;
  return row.update === undefined ? row.start.wakeAt : row.update.wakeAt;
}

export function summary({ start, update, aside }: Row): RunSummary {
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
    ...(aside !== undefined && { aside }),
  };
}
