/** D1: commands of the machine through `shell.run`, sixteen at once, beside a bare loop of them. */
import { counted, used, type Workload } from './workload.ts';

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
    const perSecond = tasks / measure.seconds;
    const amount = counted(tasks, 'task');
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
