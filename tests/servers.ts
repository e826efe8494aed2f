/**
 * PostgreSQL servers to try beside the embedded one: what the machine has installed, and whatever is
 * named in `TUTTI_POSTGRES`: folders as in PATH, each with a server's `bin`, or the `native` folder of
 * an npm package. So one run of the tests tries as many versions as are to be had.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';
import { type Candidate, systemCandidates } from '../journal/embedded/binaries.ts';
import { requires } from './requires.ts';

const MACHINE = 'a PostgreSQL of the machine';

/** A chapter for each of them. */
export function withOtherServers(chapter: (candidates: readonly Candidate[]) => void): void {
  const machine = systemCandidates();
  requires(
    MACHINE,
    machine.length > 0,
    'apt-get install postgresql',
  )(MACHINE, () => {
    chapter(machine);
  });
  const named = (process.env['TUTTI_POSTGRES'] ?? '').split(delimiter).filter(Boolean);
  for (const folder of named) {
    describe(`the PostgreSQL in ${folder}`, () => {
      chapter([candidateIn(folder)]);
    });
  }
}

function candidateIn(folder: string): Candidate {
  return existsSync(join(folder, 'pg-symlinks.json')) ? { native: folder } : { folder };
}
