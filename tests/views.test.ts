/**
 * What a run shows of itself can always be answered: after every step of random runs its view fits the
 * schema by which the API answers, and nothing of it is left out.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NO_OVERLAY } from '../kernel/run/gates.ts';
import { moveOf, rolls } from '../kernel/run/move.fixture.ts';
import { versions } from '../kernel/run/random.fixture.ts';
import { randomWalk } from '../kernel/run/random-walk.fixture.ts';
import { viewOf } from '../kernel/run/view.ts';
import { runViewSchema } from '../protocol/runs.ts';

const RUNS = Number(process.env['TUTTI_PROPERTY_RUNS'] ?? 150);
const SEED = Number(process.env['TUTTI_PROPERTY_SEED'] ?? 20260301);

it('answers every state of a run', () => {
  fc.assert(
    fc.property(versions, rolls(12), (definitions, hands) => {
      const walk = randomWalk(definitions, []);
      for (const roll of hands) {
        walk.make(moveOf(roll, walk.state, walk.now));
        const view = viewOf(walk.state, NO_OVERLAY);
        expect(runViewSchema.parse(view)).toEqual(view);
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
});
