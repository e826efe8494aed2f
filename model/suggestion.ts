/**
 * "Did you mean": the nearest of the names that exist, when one is near enough to be meant.
 * What it costs is bounded whatever the names are: so many are looked at, so many compared.
 */

const LOOKED_AT = 20_000;
const COMPARED = 2_000;
const CHARACTERS = 200;
const EDITS = 8;

export function nearest(wrong: string, names: Iterable<string>): string | undefined {
  const limit = wrong.length < 2 ? 0 : Math.min(EDITS, Math.max(1, Math.floor(wrong.length / 3)));
  const lower = wrong.toLowerCase();
  let best: string | undefined;
  let bestDistance = limit + 1;
  let lookedAt = 0;
  let compared = 0;
  for (const name of names) {
    lookedAt += 1;
    if (lookedAt > LOOKED_AT || compared >= COMPARED) break;
    const other = name.toLowerCase();
    const begins = lower.length > 2 && (other.startsWith(lower) || lower.startsWith(other));
    if (!begins && Math.abs(name.length - wrong.length) >= bestDistance) continue;
    compared += 1;
    const found = begins && other !== lower ? 1 : distance(lower, other, bestDistance);
    if (found >= bestDistance) continue;
    best = name;
    bestDistance = found;
    if (found === 0) break;
  }
  return best;
}

/** `did you mean "x"?`, or nothing. */
export function didYouMean(wrong: string, names: Iterable<string>): string | undefined {
  const name = wrong.length > CHARACTERS ? undefined : nearest(wrong, names);
  return name === undefined ? undefined : `did you mean "${name}"?`;
}

/** Edits, a swap of neighbours counting as one; gives up at `bound`. */
function distance(left: string, right: string, bound: number): number {
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    // What is further from the diagonal costs more than the bound.
    const first = Math.max(1, row - bound);
    const last = Math.min(right.length, row + bound);
    const current: number[] = [];
    current[first - 1] = first === 1 ? row : bound;
    let smallest = bound;
    for (let column = first; column <= last; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        (previous[column] ?? bound) + 1,
        (current[column - 1] ?? bound) + 1,
        (previous[column - 1] ?? bound) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 &&
        column > 1 &&
        left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, (before[column - 2] ?? bound) + 1);
      current[column] = cost;
      smallest = Math.min(smallest, cost);
    }
    if (smallest >= bound) return bound;
    before = previous;
    previous = current;
  }
  return previous[right.length] ?? bound;
}
