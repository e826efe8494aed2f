/** W5: one run of 100,000 tasks beside runs of 1,000. Does a task cost more in a large run? */
import { rated, type Workload } from './workload.ts';

const SMALL = 1_000;
const SMALL_RUNS = 20;

export const w5: Workload = {
  id: 'W5',
  title: 'one large run',
  compares: 'tasks/s',
  better: 'more',
  full: 100_000,
  needs: 'layered',
  of: 'engines',
  play: async (stage, count, { say }) => {
    const small = await stage.measure({ verb: 'layered', tasks: SMALL, runs: SMALL_RUNS });
    const smallRate = (SMALL * SMALL_RUNS) / small.seconds;
    say(`${Math.round(smallRate).toLocaleString('en')} tasks/s in runs of ${SMALL}`);
    const large = await stage.measure({ verb: 'layered', tasks: count, runs: 1 });
    const figures = rated(large, `1 run of ${count.toLocaleString('en')}`, count);
    return {
      ...figures,
      note: `a task costs ${(smallRate / figures.perSecond).toFixed(2)} times what it costs in runs of ${SMALL} (${Math.round(smallRate).toLocaleString('en')} tasks/s)`,
    };
  },
};
