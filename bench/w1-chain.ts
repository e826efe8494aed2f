/** W1: many runs of a chain of ten. How many tasks a second, and what does one cost? */
import { counted, used, type Workload } from './workload.ts';

const TASKS = 10;

export const w1: Workload = {
  id: 'W1',
  title: 'runs of a chain of 10',
  compares: 'tasks/s',
  better: 'more',
  full: 10_000,
  needs: 'chain',
  of: 'engines',
  play: async (stage, count) => {
    const measure = await stage.measure({ verb: 'chain', runs: count });
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
