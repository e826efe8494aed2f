/** A refusal is data: a code of the catalogue and a sentence, with what was expected and found. */
import type { ErrorCode } from './errors.ts';

/** A command that was not carried out, and why: data, not an exception. */
export interface Refusal {
  readonly refused: true;
  readonly code: string;
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
}

export function refusal(code: ErrorCode, message: string): Refusal {
  return { refused: true, code, message };
}

export function isRefusal(value: unknown): value is Refusal {
  return (
    typeof value === 'object' && value !== null && 'refused' in value && value.refused === true
  );
}
