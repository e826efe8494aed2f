/** W2: one task, fifty side by side, one that waits for all of them. */
import { counted, rated, type Workload } from './workload.ts';

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
    return rated(measure, counted(count, 'run'), count * TASKS);
  },
};
