/** The figures of an experiment with several nodes, for people. */
import { quantile, verdict } from '../chaos/figures.ts';
import { BLOWS, type Plan, type Report } from './experiment.ts';

export function figuresOf(report: Report): string[] {
  const { blows, takeoversMs } = report;
  const quantiles = [0.5, 0.9, 0.99, 1].map((share) => quantile(takeoversMs, share));
  const [p50, p90, p99, longest] = quantiles;
  return [
    `blows         ${BLOWS.map((blow) => `${blow} ${blows[blow]}`).join(', ')}`,
    `runs          ${report.runs} (${report.started} started by callers), ${report.tasks} tasks, ${report.attempts} attempts`,
    `answers       ${report.unanswered} lost`,
    `effects       ${report.doubled} doubled, ${report.lost} lost`,
    `take-over     ${takeoversMs.length} runs, from the end of the lease: p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms, longest ${longest} ms`,
    ...verdict(report),
  ];
}

export function replayCommand(plan: Omit<Plan, 'progress'>): string {
  const { runs, faults, seed, leaseMs, players } = plan;
  return `npm run nodes -- --runs ${runs} --faults ${faults} --lease ${leaseMs} --players ${players} --seed ${seed}`;
}
