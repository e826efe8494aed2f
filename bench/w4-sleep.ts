/**
 * W4: runs that sleep. What do they cost in memory while they do, and how late are those that wake?
 *
 * The sleepers are made first and stay asleep until tomorrow. Then some more are made that fall due
 * one after another within ten seconds, while the others sleep on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from './meter.ts';
import { counted, used, type Workload } from './workload.ts';

const AWAKE_SHARE = 100;
const MOST_AWAKE = 5_000;
const LEAD_MS = 5_000;
const FOR_MS = 10_000;
/** Memory is looked at when all has been quiet for so long. */
const QUIET_MS = 3_000;

export const w4: Workload = {
  id: 'W4',
  title: 'sleeping runs',
  compares: 'p50 of how late they wake',
  better: 'less',
  full: 1_000_000,
  needs: 'sleep',
  of: 'engines',
  play: async (stage, count, { say }) => {
    const before = stage.engineBytes();
    const made = await stage.measure({ verb: 'sleep', runs: count });
    say(`made in ${made.seconds.toFixed(1)} s`);
    await delay(QUIET_MS);
    const asleepBytes = stage.engineBytes();
    const runs = Math.min(MOST_AWAKE, Math.ceil(count / AWAKE_SHARE));
    const woken = await stage.measure({ verb: 'wake', runs, leadMs: LEAD_MS, forMs: FOR_MS });
    const p50Ms = percentile(woken.values, 0.5);
    return {
      ...used(made),
      amount: counted(count, 'sleeper'),
      tasks: count,
      compared: p50Ms,
      perSecond: count / made.seconds,
      p50Ms,
      p99Ms: percentile(woken.values, 0.99),
      engineBytes: asleepBytes,
      serverBytes: woken.serverBytes,
      note: `made at the rate given; ${megabytes(before)} MB before, ${megabytes(asleepBytes)} MB asleep; ${counted(runs, 'run')} woken over ${FOR_MS / 1000} s`,
    };
  },
};

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
