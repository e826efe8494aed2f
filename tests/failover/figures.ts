/** The figures of a failover experiment, for people. */
import { quantile, verdict } from '../chaos/figures.ts';
import type { Plan, Report, Round } from './experiment.ts';
import { FATES } from './pair.ts';

const SENTENCES_SHOWN = 12;

export function figuresOf(report: Report): string[] {
  const { rounds } = report;
  const counts = FATES.map((fate) => `${fate} ${rounds.filter((one) => one.fate === fate).length}`);
  return [
    `promotions    ${rounds.length} (${counts.join(', ')})`,
    `runs          ${report.runs} (${report.started} started by callers), ${report.tasks} tasks, ${report.attempts} attempts`,
    `commands      ${report.acknowledged} acknowledged, ${report.refused} refused, ${report.unanswered} without an answer`,
    `effects       ${report.doubled} doubled, ${report.lost} lost`,
    `stall         ${spread(rounds.map(({ stallMs }) => stallMs))}`,
    `  its own     ${spread(rounds.map(({ ownMs }) => ownMs))}`,
    ...FATES.flatMap((fate) => fateLine(fate, rounds)),
    ...[...report.sentences]
      .toSorted((a, b) => b[1] - a[1])
      .slice(0, SENTENCES_SHOWN)
      .map(([sentence, count]) => `readyz        ${count} × ${sentence}`),
    ...verdict(report),
  ];
}

function fateLine(fate: Round['fate'], rounds: readonly Round[]): string[] {
  const own = rounds.filter((one) => one.fate === fate).map(({ ownMs }) => ownMs);
  return own.length === 0 ? [] : [`  ${fate.padEnd(12)}${spread(own)}`];
}

function spread(values: readonly number[]): string {
  const [p50, p90, all] = [0.5, 0.9, 1].map((share) => quantile(values, share));
  return `p50 ${p50} ms, p90 ${p90} ms, longest ${all} ms`;
}

/** The one command that deals the same fates and the same work again. */
export function replayCommand(plan: Omit<Plan, 'progress' | 'fates'>, fate: string): string {
  const { promotions, seed, players } = plan;
  const which = fate === 'all' ? '' : ` --fate ${fate}`;
  return `npm run failover -- --promotions ${promotions} --seed ${seed} --players ${players}${which}`;
}
