/**
 * Recorded workflows of WfCommons, where the machine has them: they are not part of the
 * repository, so titles say how many were found.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER =
  process.env['TUTTI_WFINSTANCES'] ?? join(import.meta.dirname, '../../shared/data/wfinstances');

/** File, tasks, edges. */
const RECORDINGS: readonly (readonly [string, number, number])[] = [
  ['helloworld-chain-5-chameleon.json', 5, 4],
  ['hic-dirt02-001.json', 38, 47],
  ['blast-chameleon-small-003.json', 43, 120],
  ['1000genome-chameleon-4ch-250k-001.json', 164, 212],
  ['1000genome-chameleon-16ch-100k-001.json', 416, 608],
  ['bwa-chameleon-medium-005.json', 1004, 4000],
];

export const present = RECORDINGS.filter(([file]) => existsSync(join(FOLDER, file)));

export const FOUND = `${present.length} of ${RECORDINGS.length} present`;

export function readRecording(file: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
}
