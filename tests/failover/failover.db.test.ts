/**
 * A promotion loses no acknowledged command and doubles no effect, and Tutti goes on by itself. The
 * primaries die for real; the executable is the one that `npm test` has built.
 */
import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { experiment } from './experiment.ts';
import { figuresOf, replayCommand } from './figures.ts';
import { FATES } from './pair.ts';

const PROMOTIONS = 2;
const PLAYERS = 4;
const LIMIT_MS = 300_000;

it(
  `keeps every promise through ${PROMOTIONS} promotions`,
  async () => {
    const seed = randomInt(2 ** 31);
    const plan = {
      promotions: PROMOTIONS,
      seed,
      fates: FATES,
      players: PLAYERS,
      progress: () => {},
    };
    const replay = replayCommand(plan, 'all');
    const report = await experiment(plan).catch((error: unknown) => {
      throw new Error(`the experiment broke; play it again: ${replay}`, { cause: error });
    });
    console.log(figuresOf(report).join('\n'));
    expect(report.broken, `play it again: ${replay}`).toEqual([]);
    expect(report.rounds).toHaveLength(PROMOTIONS);
    expect(report.acknowledged).toBeGreaterThan(PROMOTIONS);
  },
  LIMIT_MS,
);
