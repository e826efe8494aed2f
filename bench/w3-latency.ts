/** W3: one chain of ten at a time. How long from the beginning of a task to that of the next? */
import { percentile } from './meter.ts';
import { counted, used, type Workload } from './workload.ts';

const TASKS = 10;

export const w3: Workload = {
  id: 'W3',
  title: 'one chain of 10 at a time',
  compares: 'p50 per task',
  better: 'less',
  full: 300,
  needs: 'steps',
  alone: true,
  of: 'engines',
  play: async (stage, count) => {
    const measure = await stage.measure({ verb: 'steps', runs: count });
    const tasks = count * TASKS;
    const p50Ms = percentile(measure.values, 0.5);
    const p99Ms = percentile(measure.values, 0.99);
    const amount = counted(count, 'run');
    const perSecond = tasks / measure.seconds;
    return { ...used(measure), amount, tasks, compared: p50Ms, perSecond, p50Ms, p99Ms };
  },
};
