/** D2: requests to a server of this machine through `http.request`, beside a bare loop of them. */
import { counted, rated, type Workload } from './workload.ts';

const AT_ONCE = 16;

export const d2: Workload = {
  id: 'D2',
  title: `http tasks, ${AT_ONCE} at once`,
  compares: 'tasks/s',
  better: 'more',
  full: 20_000,
  needs: 'http',
  of: 'dispatch',
  play: async (stage, tasks, { pageUrl }) => {
    const measure = await stage.measure({ verb: 'http', tasks, atOnce: AT_ONCE, url: pageUrl });
    return rated(measure, counted(tasks, 'task'), tasks);
  },
};
