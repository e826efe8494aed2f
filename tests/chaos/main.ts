/**
 * `npm run chaos -- --rounds 500 [--seed N] [--kill node|postmaster|both] [--players N]`: the
 * kill test at any length. It prints its figures, and a failing seed with the command that plays
 * it again.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { isCount, runExperiment } from '../experiment.ts';
import { experiment, killsOf } from './experiment.ts';
import { figuresOf, replayCommand } from './figures.ts';
import { orUsage } from '../usage.ts';

const USAGE =
  'npm run chaos -- [--rounds N] [--seed N] [--kill node|postmaster|both|all] [--players N]';

const progress = (sentence: string): void => console.log(sentence);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '40' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      kill: { type: 'string', default: 'all' },
      players: { type: 'string', default: '8' },
    },
  });
  const [rounds, players, seed = 0] = [values.rounds, values.players, values.seed].map(Number);
  const kills = killsOf(values.kill);
  if (!isCount(rounds) || !isCount(players) || !Number.isInteger(seed) || kills === null) {
    console.error(USAGE);
    return 2;
  }
  const plan = { rounds, players, seed, kills, progress };
  return runExperiment(replayCommand(plan, values.kill), () => experiment(plan), figuresOf);
}

process.exitCode = await orUsage(USAGE, main);
