/**
 * No crash of a node or of PostgreSQL loses a command, an effect or a line of log. The kills fall
 * on the real executable, as `npm test` has built it.
 */
import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { experiment } from './experiment.ts';
import { figuresOf, replayCommand } from './figures.ts';
import { KILLS } from './killed-server.ts';

const ROUNDS = 40;
const PLAYERS = 6;
const LIMIT_MS = 300_000;

it(
  `keeps every promise through ${ROUNDS} kills`,
  async () => {
    const seed = randomInt(2 ** 31);
    const plan = { rounds: ROUNDS, seed, kills: KILLS, players: PLAYERS, progress: () => {} };
    const replay = replayCommand(plan, 'all');
    const report = await experiment(plan).catch((error: unknown) => {
      throw new Error(`the experiment broke; play it again: ${replay}`, { cause: error });
    });
    console.log(figuresOf(report).join('\n'));
    expect(report.broken, `play it again: ${replay}`).toEqual([]);
    expect(report.recoveriesMs).toHaveLength(ROUNDS);
    expect(report.acknowledged).toBeGreaterThan(ROUNDS);
  },
  LIMIT_MS,
);
