/**
 * The laws of the engine under a seeded simulator: the same seeds each time, then fresh ones for
 * a while. What fails names its seed, and the command that plays it again.
 */
import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { breachOf, Figures } from './figures.ts';
import { LAWS } from './laws.ts';
import { simulate, simulateTwice } from './simulation.ts';

const FIXED = Array.from({ length: 12 }, (_, at) => at + 1);
const MOST_STEPS = 120_000;
const FRESH_MS = 40_000;
const LIMIT_MS = 240_000;

async function breachesOf(seed: number, figures: Figures): Promise<string[] | undefined> {
  const { report, difference } = await simulateTwice({ seed });
  figures.add(report);
  return breachOf(report, difference);
}

it(
  'keeps every law through seeds that are always the same',
  async () => {
    const figures = new Figures();
    for (const seed of FIXED) expect(await breachesOf(seed, figures)).toBeUndefined();
    console.log(figures.lines().join('\n'));
  },
  LIMIT_MS,
);

it(
  'keeps every law through fresh seeds',
  async () => {
    const figures = new Figures();
    const end = performance.now() + FRESH_MS;
    for (let seed = randomInt(2 ** 31); figures.steps < MOST_STEPS; seed++) {
      expect(await breachesOf(seed, figures)).toBeUndefined();
      if (performance.now() > end) break;
    }
    console.log(figures.line());
  },
  LIMIT_MS,
);

it(
  'looks at every law',
  async () => {
    const looked = new Set<string>();
    for (const seed of [1, 2, 3]) {
      for (const law of (await simulate({ seed })).looks.keys()) looked.add(law);
    }
    expect(LAWS.filter((law) => !looked.has(law))).toEqual([]);
  },
  LIMIT_MS,
);

it(
  'plays another seed differently',
  async () => {
    const [one, other] = [await simulate({ seed: 1 }), await simulate({ seed: 2 })];
    expect(one.trace.digest).not.toBe(other.trace.digest);
  },
  LIMIT_MS,
);
