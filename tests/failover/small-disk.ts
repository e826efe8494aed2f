/**
 * A disk that can be filled: a small file system in memory, as a tablespace. Mounting needs root and
 * the right to mount; where that is missing, the chapter that needs it says so.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterPaths } from '../../journal/embedded/cluster-paths.ts';

const SIZE = '24m';
const BLOCK_BYTES = 8_192;

export class SmallDisk {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    mount(folder);
  }

  /** A folder that the server's user owns, for `create tablespace`. */
  space({ identity }: ClusterPaths): string {
    const space = join(this.folder, 'space');
    mkdirSync(space);
    chmodSync(space, 0o700);
    if (identity.uid !== undefined) chownSync(space, identity.uid, identity.gid ?? identity.uid);
    return space;
  }

  fill(): void {
    try {
      for (;;) {
        writeFileSync(join(this.folder, 'ballast'), Buffer.alloc(BLOCK_BYTES), { flag: 'a' });
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  empty(): void {
    rmSync(join(this.folder, 'ballast'));
  }

  remove(): void {
    // Lazily: a backend may still hold a file of it open.
    execFileSync('umount', ['-l', this.folder]);
  }
}

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0755`, 'tutti-test', folder], {
    stdio: 'ignore',
  });
}

export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'tutti-mount-'));
  try {
    mount(folder);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
