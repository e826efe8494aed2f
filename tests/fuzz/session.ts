/**
 * One fuzz: a seed that is said, a time that it takes, rounds that each may find faults, and the
 * questions at the end. It stops at the first fault: what comes after is seldom another one.
 */
import { randomInt } from 'node:crypto';
import { Chance } from '../chaos/chance.ts';
import type { Victim } from './victim.ts';

/** A minute each in CI; on a laptop a taste of it. `TUTTI_FUZZ_SECONDS` says otherwise. */
const SECONDS = Number(
  process.env['TUTTI_FUZZ_SECONDS'] ?? ((process.env['CI'] ?? '') === '' ? 5 : 60),
);
export const FUZZ_LIMIT_MS = SECONDS * 1_000 + 180_000;

/**
 * Plays rounds until the time is over. Answers with what went wrong; empty when nothing did.
 * `strange`: runs whose history the fuzz itself has written.
 */
export async function fuzz(
  victim: Victim,
  name: string,
  round: (chance: Chance) => Promise<readonly string[]>,
  strange: ReadonlySet<string> = new Set(),
): Promise<readonly string[]> {
  const seed = Number(process.env['TUTTI_FUZZ_SEED'] ?? randomInt(2 ** 31));
  const chance = new Chance(seed);
  const found: string[] = [];
  let rounds = 0;
  const until = performance.now() + SECONDS * 1_000;
  while (performance.now() < until && found.length === 0) {
    found.push(...(await round(chance)));
    if (!victim.alive) found.push(`the server has ended: ${victim.words}`);
    rounds += 1;
  }
  if (found.length === 0) found.push(...(await victim.faults(strange)));
  const [longest] = victim.sections;
  const section =
    longest === undefined
      ? 'no section of the loop above 100 ms'
      : `longest section of the loop ${Math.round(longest.cpuMs)} ms of processor time, in ${longest.stack.slice(0, 4).join(' < ')}`;
  console.log(`fuzz of ${name}: ${rounds} rounds, seed ${seed}; ${section}`);
  if (found.length > 0) console.log(victim.words.slice(-4_000));
  return found.map((fault) => `${fault} (TUTTI_FUZZ_SEED=${seed})`);
}
