import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rolls } from './move.fixture.ts';
import { versions } from './random.fixture.ts';
import { randomWalk } from './random-walk.fixture.ts';

/** More when somebody looks for trouble: TUTTI_PROPERTY_RUNS=5000. */
const RUNS = Number(process.env['TUTTI_PROPERTY_RUNS'] ?? 100);
const SEED = Number(process.env['TUTTI_PROPERTY_SEED'] ?? 20260301);

describe('replay of random workflows under random commands', () => {
  it('laws 2, 6, 10, 11: the fold of the journal is the live state after every step, and its plan the same', () => {
    fc.assert(
      fc.property(versions, rolls(40), (definitions, hands) => {
        const { events } = randomWalk(definitions, hands);
        const keys = events.flatMap((event) =>
          event.type === 'TaskStarted' ? [`${event.task}:${event.attempt}`] : [],
        );
        expect(keys.length).toBe(new Set(keys).size);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('law 7: every run comes to its end when what its plan asks for is answered', () => {
    fc.assert(
      fc.property(versions, rolls(15), (definitions, hands) => {
        const run = randomWalk(definitions, hands);
        run.letGo();
        run.drive(500);
        run.audit();
        expect(run.state.end).toBeDefined();
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});
