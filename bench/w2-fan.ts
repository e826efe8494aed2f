/** W2: one task, fifty side by side, one that waits for all of them. */
import { counted, used, type Workload } from './workload.ts';

const TASKS = 52;

export const w2: Workload = {
  id: 'W2',
  title: 'runs of 1 → 50 → 1',
  compares: 'tasks/s',
  better: 'more',
  full: 1_000,
  needs: 'fan',
  of: 'engines',
  play: async (stage, count) => {
    const measure = await stage.measure({ verb: 'fan', runs: count });
    const tasks = count * TASKS;
    const perSecond = tasks / measure.seconds;
    const amount = counted(count, 'run');
    return {
      ...used(measure),
      amount,
      tasks,
      compared: perSecond,
      perSecond,
      p50Ms: null,
      p99Ms: null,
    };
  },
};
