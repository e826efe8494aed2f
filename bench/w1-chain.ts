/** W1: many runs of a chain of ten. How many tasks a second, and what does one cost? */
import { counted, rated, type Workload } from './workload.ts';

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
    return rated(measure, counted(count, 'run'), count * TASKS);
  },
};
