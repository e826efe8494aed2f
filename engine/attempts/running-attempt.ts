/** An attempt of an action that is ready to be sent to its system, or may have been sent already. */
import type { Action, ActionContext } from '../../connectors/kit/connector.ts';
import type { Follow } from '../../kernel/run/machine.ts';
import type { Attempt } from '../runs/live-run.ts';
import type { AttemptServices } from './attempt-services.ts';

export interface RunningAttempt {
  readonly attempt: Attempt;
  readonly services: AttemptServices;
  readonly action: Action;
  readonly input: unknown;
  /** The task's own, as its attempt was prepared: a restart may number the nodes afresh meanwhile. */
  readonly timeoutMs: number | undefined;
  readonly context: ActionContext;
  readonly startedAt: number;
  readonly idempotent: boolean;
  readonly recovered: Follow | undefined;
}
