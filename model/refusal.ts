/** A refusal is data: a code of the catalogue and a sentence with what was found. */
import type { ErrorCode } from './errors.ts';
import type { Refusal } from './run.ts';

export function refusal(code: ErrorCode, message: string): Refusal {
  return { refused: true, code, message };
}

export function isRefusal(value: unknown): value is Refusal {
  return (
    typeof value === 'object' && value !== null && 'refused' in value && value.refused === true
  );
}
