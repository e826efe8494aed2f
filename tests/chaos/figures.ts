/** The figures of an experiment, for people. */
import type { Plan, Report } from './experiment.ts';

const SHOWN = 30;

export function figuresOf(report: Report): string[] {
  const { kills, recoveriesMs } = report;
  const struck = kills.node + kills.postmaster + kills.both;
  return [
    `rounds        ${recoveriesMs.length} (${struck} kills: node ${kills.node}, postmaster ${kills.postmaster}, both ${kills.both})`,
    `runs          ${report.runs} (${report.started} started by callers), ${report.tasks} tasks, ${report.attempts} attempts`,
    `commands      ${report.acknowledged} acknowledged, ${report.refused} refused, ${report.unanswered} without an answer`,
    `effects       ${report.doubled} doubled, ${report.lost} lost`,
    `recovery      p50 ${quantile(recoveriesMs, 0.5)} ms, p99 ${quantile(recoveriesMs, 0.99)} ms, longest ${quantile(recoveriesMs, 1)} ms`,
    `leftovers     ${report.leftovers} attempt folders`,
    ...verdict(report),
  ];
}

export function verdict({ broken, folder }: Pick<Report, 'broken' | 'folder'>): string[] {
  if (broken.length === 0) return ['every promise was kept'];
  return [
    `${broken.length} promises were broken; the data folder stays in ${folder}`,
    ...broken.slice(0, SHOWN).map((sentence) => `  ✖ ${sentence}`),
    ...(broken.length > SHOWN ? [`  and ${broken.length - SHOWN} more`] : []),
  ];
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
}

/** The one command that deals the same kills and the same work again. */
export function replayCommand(plan: Omit<Plan, 'progress' | 'kills'>, kill: string): string {
  const { rounds, seed, players } = plan;
  const which = kill === 'all' ? '' : ` --kill ${kill}`;
  return `npm run chaos -- --rounds ${rounds} --seed ${seed} --players ${players}${which}`;
}
