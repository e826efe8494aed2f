/**
 * `npm run nodes -- --runs 20000 --faults 10 [--lease MS] [--players N] [--seed N]`: three nodes, each struck so
 * often. It prints its figures, and a failing seed with the command that plays it again.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { isCount, runExperiment } from '../experiment.ts';
import { experiment } from './experiment.ts';
import { figuresOf, replayCommand } from './figures.ts';
import { orUsage } from '../usage.ts';

const USAGE = 'npm run nodes -- [--runs N] [--faults N] [--lease MS] [--players N] [--seed N]';

const progress = (sentence: string): void => console.log(sentence);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '20000' },
      faults: { type: 'string', default: '10' },
      lease: { type: 'string', default: '5000' },
      players: { type: 'string', default: '6' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    },
  });
  const [runs, faults, leaseMs, players = 0, seed = 0] = [
    values.runs,
    values.faults,
    values.lease,
    values.players,
    values.seed,
  ].map(Number);
  if (
    !isCount(runs) ||
    !isCount(faults) ||
    !isCount(leaseMs) ||
    ![players, seed].every(Number.isInteger)
  ) {
    console.error(USAGE);
    return 2;
  }
  const plan = { runs, faults, leaseMs, players, seed, progress };
  return runExperiment(replayCommand(plan), () => experiment(plan), figuresOf);
}

// What an experiment that broke has left open must not keep the process.
process.exit(await orUsage(USAGE, main));
