/** Durations in the inputs of actions, spelled as everywhere else in a workflow file. */
import { z } from 'zod';
import { DURATION, parseDuration } from '../../model/duration.ts';
import { bug } from '../../model/errors.ts';

export const durationText = z
  .string()
  .regex(DURATION, 'must be a duration such as 500ms, 30s, 2m, 1h30m or 1d');

/** `text` has passed `durationText`. */
export function durationMs(text: string): number {
  return parseDuration(text) ?? bug(`"${text}" is not a duration`);
}
