/** The simulator can fail: each mutant of the engine is noticed, by a law that it breaks. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Alarms } from '../../engine/alarms.ts';
import { type Mutant, MUTANTS } from './mutants.ts';
import { mutated } from './mutation.ts';
import { simulate } from './simulation.ts';
import type { CreateEngine } from './world.ts';

const MOST_SEEDS = 300;
const LIMIT_MS = 240_000;

async function engineOf(mutant: Mutant): Promise<{ create: CreateEngine; alarms: typeof Alarms }> {
  const mark = `?mutant=${MUTANTS.indexOf(mutant)}`;
  const engine = (await import(/* @vite-ignore */ `../../engine/engine.ts${mark}`)) as {
    createEngine: CreateEngine;
  };
  const clock = (await import(/* @vite-ignore */ `../../engine/alarms.ts${mark}`)) as {
    Alarms: typeof Alarms;
  };
  return { create: engine.createEngine, alarms: clock.Alarms };
}

describe('a mutant is noticed', () => {
  it.each(MUTANTS)(
    '$name',
    async (mutant) => {
      const changed = await engineOf(mutant);
      let steps = 0;
      for (let seed = 1; seed <= MOST_SEEDS; seed++) {
        const { nodes = 1 } = mutant;
        const report = await simulate({ seed, ...changed, nodes });
        steps += report.steps;
        if (report.breach === undefined) continue;
        const { law, message } = report.breach;
        console.log(
          `${mutant.name}: ${law} after ${steps} steps, ${seed} seeds (${message.slice(0, 120)})`,
        );
        expect(mutant.laws).toContain(law);
        return;
      }
      expect.fail(`nobody noticed in ${steps} steps`);
    },
    LIMIT_MS,
  );
});

function sourceOf({ file }: Mutant): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
}

it.each(MUTANTS)('finds what it changes: $name', (mutant) => {
  expect(mutated(sourceOf(mutant), mutant)).not.toBe(sourceOf(mutant));
});

it('fails loudly when a snippet is not there any more', () => {
  const [mutant] = MUTANTS;
  if (mutant === undefined) throw new Error('there are no mutants');
  expect(() => mutated(mutated(sourceOf(mutant), mutant), mutant)).toThrow(/0 times, not once/);
});
