/**
 * `npm run failover -- --promotions 20 [--seed N] [--fate kill|vanish|split] [--players N]`: the
 * failover test at any length. It prints its figures, and a failing seed with the command that
 * plays it again.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { isCount, runExperiment } from '../experiment.ts';
import { experiment, fatesOf } from './experiment.ts';
import { figuresOf, replayCommand } from './figures.ts';
import { orUsage } from '../usage.ts';

const USAGE =
  'npm run failover -- [--promotions N] [--seed N] [--fate kill|vanish|split|all] [--players N]';

const progress = (sentence: string): void => console.log(sentence);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      promotions: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      fate: { type: 'string', default: 'all' },
      players: { type: 'string', default: '8' },
    },
  });
  const [promotions, players, seed = 0] = [values.promotions, values.players, values.seed].map(
    Number,
  );
  const fates = fatesOf(values.fate);
  if (!isCount(promotions) || !isCount(players) || !Number.isInteger(seed) || fates === null) {
    console.error(USAGE);
    return 2;
  }
  const plan = { promotions, players, seed, fates, progress };
  return runExperiment(replayCommand(plan, values.fate), () => experiment(plan), figuresOf);
}

// What an experiment that broke has left open must not keep the process.
process.exit(await orUsage(USAGE, main));
