/** Mistakes on a screen: each with its line and a caret, and not more than anybody reads. */
import type { Problem } from '../../model/errors.ts';
import { formatProblem } from '../../model/problem.ts';
import { harmless } from './words.ts';

const SHOWN_MAX = 50;

/** `sources`: the texts by the file names that the problems give them. */
export function problemLines(
  problems: readonly Problem[],
  sources: ReadonlyMap<string, string>,
): string[] {
  const shown = problems
    .slice(0, SHOWN_MAX)
    .map((one) => harmless(formatProblem(one, one.file && sources.get(one.file))));
  const rest = problems.length - SHOWN_MAX;
  return rest > 0 ? [...shown, `… and ${rest} more; --json has them all.`] : shown;
}
