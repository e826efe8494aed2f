/** Whether the folder in which shell jobs run can be written: a full disk keeps every job from starting. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { makeFolders } from '../journal/embedded/disk.ts';

/** More than a file system keeps beside the name of a file. */
const PROBE = Buffer.alloc(16 * 1024);
/** A network share that is away does not answer at all. */
const PATIENCE_MS = 2_000;

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'its disk is full',
  EDQUOT: 'the quota of the user is used up',
  EROFS: 'its file system is read-only',
  ENOTDIR: 'a file stands in its place or above it',
  EEXIST: 'a file stands in its place',
  EACCES: 'the user who runs Tutti may not write there',
};

/** What `/readyz` says of it; empty when all is well. */
export async function stateFolderStalls(folder: string): Promise<readonly string[]> {
  const patience = new AbortController();
  const limit = after(PATIENCE_MS, `it does not answer within ${PATIENCE_MS / 1_000} s`, {
    signal: patience.signal,
  }).catch(() => null);
  const reason = await Promise.race([whyNotWritable(folder), limit]);
  patience.abort();
  return reason === null
    ? []
    : [`no shell job can start: the state folder ${folder} cannot be written: ${reason}`];
}

async function whyNotWritable(folder: string): Promise<string | null> {
  const probe = join(folder, `probe.${process.pid}`);
  const write = () => writeFile(probe, PROBE, { mode: 0o600 });
  try {
    await write().catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      // As the next job does.
      makeFolders(folder, 0o700);
      await write();
    });
    return null;
  } catch (error) {
    const code = codeOf(error);
    return REASONS[code] ?? code;
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
