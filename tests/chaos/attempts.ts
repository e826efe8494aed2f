/**
 * What a run's events say of its attempts: which were intended, which ended how. The audit holds
 * this against what the world saw.
 */
import type { z } from 'zod';
import type { eventViewSchema } from '../../protocol/events.ts';

/** Tutti has ended too often while it made this call: a person decides. */
export const CRASHES = 'task.crashes';

export type Event = z.output<typeof eventViewSchema>;

export interface Attempt {
  readonly key: string;
  readonly task: string;
  readonly number: number;
  /** Its start is in the journal: the intent. */
  started: boolean;
  /** By the system's own outcome, never by an operator's word. */
  succeeded: boolean;
  /** Failed with a class that says: it did not take effect, or it ran to its end. */
  failed: string | null;
  lost: number;
}

export function attemptsOf(run: string, events: readonly Event[]): Map<string, Attempt> {
  const attempts = new Map<string, Attempt>();
  // A mapped task does nothing itself; its items do.
  const mapped = new Set(events.flatMap(({ type, task }) => (type === 'TaskExpanded' ? task : [])));
  for (const event of events) {
    if (event.task === null || event.attempt === null || mapped.has(event.task)) continue;
    const key = `${run}:${event.task}:${event.attempt}`;
    const known = attempts.get(key) ?? fresh(key, event.task, event.attempt);
    note(known, event);
    if (event.data['forced'] === undefined) attempts.set(key, known);
  }
  return attempts;
}

function fresh(key: string, task: string, number: number): Attempt {
  return { key, task, number, started: false, succeeded: false, failed: null, lost: 0 };
}

function note(attempt: Attempt, event: Event): void {
  const failure = event.data['failure'] as { readonly code?: string } | undefined;
  switch (event.type) {
    case 'TaskStarted':
      attempt.started = true;
      return;
    case 'TaskMarkedUnknown':
      // By the third crash under one call, not for want of an answer: the drain begins it anew.
      if (failure?.code !== CRASHES) attempt.lost += 1;
      return;
    case 'TaskRetrying':
      attempt.failed = failure?.code ?? null;
      return;
    case 'TaskEnded':
      if (event.data['forced'] !== undefined) return;
      attempt.succeeded = event.end === 'succeeded' || event.end === 'warned';
      if (event.end === 'failed') attempt.failed = failure?.code ?? 'failed';
  }
}
