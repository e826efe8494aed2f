/**
 * Three nodes on one PostgreSQL, each struck under load: nothing is lost, nothing is done twice.
 * The blows fall on the real executable, as `npm test` has built it.
 */
import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { experiment } from './experiment.ts';
import { figuresOf, replayCommand } from './figures.ts';

const RUNS = 150;
const LIMIT_MS = 480_000;

it(
  'keeps every promise while each node is struck',
  async () => {
    const seed = randomInt(2 ** 31);
    const plan = { runs: RUNS, faults: 1, seed, leaseMs: 2_000, players: 3, progress: () => {} };
    const replay = replayCommand(plan);
    const report = await experiment(plan).catch((error: unknown) => {
      throw new Error(`the experiment broke; play it again: ${replay}`, { cause: error });
    });
    console.log(figuresOf(report).join('\n'));
    expect(report.broken, `play it again: ${replay}`).toEqual([]);
    expect(report.started).toBeGreaterThan(RUNS);
  },
  LIMIT_MS,
);
