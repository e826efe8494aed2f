/**
 * `npm run simulate -- --minutes N [--seed S] [--nodes N] [--seeds N]`: seeds one after the other,
 * each twice, until the time is over or a law is broken. What is printed at the end of a broken
 * seed is the law, the last steps, and the command that plays it again.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { breachOf, Figures } from './figures.ts';
import { simulateTwice } from './simulation.ts';
import { orUsage } from '../usage.ts';

const USAGE = 'npm run simulate -- [--minutes N] [--seed S] [--seeds N] [--nodes 1..8] [--steps N]';
const PROGRESS_MS = 60_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string' },
      seeds: { type: 'string', default: '1000000000' },
      nodes: { type: 'string' },
      steps: { type: 'string' },
    },
  });
  const [minutes = 0, seeds = 0] = [values.minutes, values.seeds].map(Number);
  const first = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
  const nodes = values.nodes === undefined ? undefined : Number(values.nodes);
  const steps = values.steps === undefined ? undefined : Number(values.steps);
  const numbers = [minutes, seeds, first, nodes ?? 1, steps ?? 1];
  if (numbers.some((number) => !Number.isFinite(number) || number < 0)) {
    console.error(USAGE);
    return 2;
  }
  const shape = { ...(nodes !== undefined && { nodes }), ...(steps !== undefined && { steps }) };
  const figures = new Figures();
  const end = Date.now() + minutes * 60_000;
  let progress = Date.now() + PROGRESS_MS;
  for (let seed = first; seed < first + seeds && Date.now() < end; seed++) {
    const { report, difference } = await simulateTwice({ seed, ...shape });
    figures.add(report);
    const breach = breachOf(report, difference, shape);
    if (breach !== undefined) {
      console.log([...figures.lines(), ...breach].join('\n'));
      return 1;
    }
    if (Date.now() > progress) {
      console.log(figures.line());
      progress = Date.now() + PROGRESS_MS;
    }
  }
  console.log([...figures.lines(), 'every law was kept'].join('\n'));
  return 0;
}

process.exitCode = await orUsage(USAGE, main);
