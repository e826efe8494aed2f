/** Why a task waits. */

export const GATE_KINDS = [
  'upstream',
  'upstream-failed',
  'hold',
  'run-hold',
  'pool',
  'capacity',
  'time',
  'approval',
  'retry',
  'child-run',
  'items',
  'job',
  'cancel',
  'system',
  'parallel',
  'run-ended',
  'start',
] as const;

/**
 * An unmet precondition, typed and in words. `message` is complete on its own: what it waits for,
 * who holds it, since when or until when where that is known.
 */
export interface Gate {
  readonly kind: (typeof GATE_KINDS)[number];
  readonly message: string;
  /** The task, run, pool or system that holds it. */
  readonly on?: string;
  readonly since?: number;
  readonly until?: number;
}
