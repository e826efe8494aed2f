/** "Did you mean": the nearest of the names that exist, when one is near enough to be meant. */

const COMPARED = 20_000;

export function nearest(wrong: string, names: Iterable<string>): string | undefined {
  const limit = wrong.length < 2 ? 0 : Math.max(1, Math.floor(wrong.length / 3));
  const lower = wrong.toLowerCase();
  let best: string | undefined;
  let bestDistance = limit + 1;
  let compared = 0;
  for (const name of names) {
    compared += 1;
    if (compared > COMPARED) break;
    const other = name.toLowerCase();
    const begins = lower.length > 2 && (other.startsWith(lower) || lower.startsWith(other));
    if (!begins && Math.abs(name.length - wrong.length) >= bestDistance) continue;
    const found = begins && other !== lower ? 1 : distance(lower, other, bestDistance);
    if (found >= bestDistance) continue;
    best = name;
    bestDistance = found;
  }
  return best;
}

/** `did you mean "x"?`, or nothing. */
export function didYouMean(wrong: string, names: Iterable<string>): string | undefined {
  const name = wrong.length > 200 ? undefined : nearest(wrong, names);
  return name === undefined ? undefined : `did you mean "${name}"?`;
}

/** Edits, a swap of neighbours counting as one; gives up at `bound`. */
function distance(left: string, right: string, bound: number): number {
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    let smallest = row;
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 &&
        column > 1 &&
        left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      current.push(cost);
      smallest = Math.min(smallest, cost);
    }
    if (smallest >= bound) return bound;
    before = previous;
    previous = current;
  }
  return previous[right.length] ?? bound;
}
