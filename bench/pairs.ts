/**
 * Two revisions of Tutti, measured in pairs: the median of the ratios, round by round. A pair is
 * minutes apart at most, so what the machine does to one of them it does to the other.
 */
import { median } from './meter.ts';
import type { Result } from './table.ts';
import type { Figures } from './workload.ts';

/** How many times as good as the other: above 1 is better. */
function ratio(ours: Figures, theirs: Figures): number {
  return ours.p50Ms !== null && theirs.p50Ms !== null
    ? theirs.p50Ms / ours.p50Ms
    : ours.perSecond / theirs.perSecond;
}

/** A sentence for each workload that both took part in. */
export function pairs(results: readonly Result[]): string[] {
  return [...new Set(results.map(({ workload }) => workload))].flatMap((workload) => {
    const [ours, theirs] = results.filter((result) => result.workload === workload);
    if (ours === undefined || theirs === undefined) return [];
    const ratios = ours.rounds.flatMap((figures, round) => {
      const other = theirs.rounds[round];
      return other === undefined ? [] : [ratio(figures, other)];
    });
    if (ratios.length === 0) return [];
    const all = ratios.map((one) => one.toFixed(2)).join(' ');
    return [
      `${workload.id}: ${median(ratios).toFixed(3)} × ${theirs.entry.name}, median of ${ratios.length} pairs (${all})`,
    ];
  });
}
