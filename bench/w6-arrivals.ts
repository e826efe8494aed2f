/**
 * W6: runs that arrive at a fixed rate, half of what W1 found a moment ago, whether those before
 * have ended or not. How long from the moment that a run was meant to start until it has ended?
 */
import { percentile } from './meter.ts';
import type { Stage } from './stage.ts';
import { counted, type Findings, used, type Workload } from './workload.ts';

const TASKS = 10;
const SHARE = 0.5;
/** Each contestant's rate is its own, so a short W1 is enough where none was played. */
const PROBE_SHARE = 0.5;

export const w6: Workload = {
  id: 'W6',
  title: 'chains of 10 that arrive at half the rate of W1',
  compares: 'p99 from the intended start',
  better: 'less',
  /** Seconds. */
  full: 10,
  needs: 'one',
  of: 'engines',
  play: async (stage, seconds, findings) => {
    const chainRate = findings.chainRate ?? (await probe(stage, findings));
    const perSecond = (chainRate * SHARE) / TASKS;
    const measure = await stage.measure({ verb: 'arrive', perSecond, seconds });
    const tasks = measure.values.length * TASKS;
    const p99Ms = percentile(measure.values, 0.99);
    return {
      ...used(measure),
      amount: counted(measure.values.length, 'run'),
      tasks,
      compared: p99Ms,
      perSecond: tasks / measure.seconds,
      p50Ms: percentile(measure.values, 0.5),
      p99Ms,
      note: `${perSecond.toFixed(0)} runs/s for ${seconds} s`,
    };
  },
};

async function probe(stage: Stage, { say }: Findings): Promise<number> {
  const runs = Math.ceil((stage.entry.amounts['W1'] ?? 10_000) * PROBE_SHARE);
  const { seconds } = await stage.measure({ verb: 'chain', runs });
  const rate = (runs * TASKS) / seconds;
  say(`W1 beforehand: ${Math.round(rate).toLocaleString('en')} tasks/s`);
  return rate;
}
