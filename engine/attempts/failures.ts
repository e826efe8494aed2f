/** Errors of connectors, and mistakes of ours, as failures of a task. */
import { ActionFailure } from '../../connectors/kit/connector.ts';
import type { Failure } from '../../model/run.ts';

/** An error that is no ActionFailure: the connector's own mistake. Never retried blindly. */
export function failureOf(error: unknown): ActionFailure {
  if (error instanceof ActionFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ActionFailure(
    { class: 'unknown', code: 'connector.error', message },
    { cause: error },
  );
}

export function plain(error: ActionFailure): Failure {
  return {
    class: error.class,
    code: error.code,
    message: error.message,
    ...(error.native !== undefined && { native: error.native }),
  };
}

export function rejected(code: string, message: string): Failure {
  return { class: 'rejected', code, message };
}
