/** What the experiments at the command line have in common: chaos, failover, nodes. */

export function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value > 0;
}

/** Plays an experiment and prints its figures, and what plays it again if it broke; an exit code. */
export async function runExperiment<R extends { readonly broken: readonly unknown[] }>(
  replay: string,
  experiment: () => Promise<R>,
  figuresOf: (report: R) => readonly string[],
): Promise<number> {
  console.log(replay);
  try {
    const report = await experiment();
    for (const line of figuresOf(report)) console.log(line);
    if (report.broken.length === 0) return 0;
  } catch (error) {
    console.error(error);
  }
  console.log(`play it again: ${replay}`);
  return 1;
}
