/**
 * What jobs of deleted runs left in the state folder. A folder's name begins with the id of its
 * run (`connectors/shell/attempt-folder.ts`); only those of runs that retention has just deleted
 * go: the folder of a run that is merely not known here may be another database's.
 */
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

const ID_LENGTH = 36;

export async function forgetAttempts(
  stateDirectory: string,
  runs: readonly string[],
): Promise<void> {
  const shell = join(stateDirectory, 'shell');
  const gone = new Set(runs);
  for (const name of namesIn(shell)) {
    if (!gone.has(name.slice(0, ID_LENGTH))) continue;
    await rm(join(shell, name), { recursive: true, force: true });
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // No job has run here.
    return [];
  }
}
