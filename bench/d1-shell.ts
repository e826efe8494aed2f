/** D1: commands of the machine through `shell.run`, sixteen at once, beside a bare loop of them. */
import { counted, rated, type Workload } from './workload.ts';

const AT_ONCE = 16;

export const d1: Workload = {
  id: 'D1',
  title: `shell tasks, ${AT_ONCE} at once`,
  compares: 'tasks/s',
  better: 'more',
  full: 2_000,
  needs: 'shell',
  of: 'dispatch',
  play: async (stage, tasks) => {
    const measure = await stage.measure({ verb: 'shell', tasks, atOnce: AT_ONCE });
    return rated(measure, counted(tasks, 'task'), tasks);
  },
};
