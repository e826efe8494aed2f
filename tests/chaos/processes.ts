/** Processes of this machine that have to do with a folder: by their arguments or environment. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Pid and program of each; our own process is none of them. */
export function processesOf(folder: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    if (Number(pid) === process.pid) return [];
    const words = read(pid, 'cmdline');
    if (!words.includes(folder) && !read(pid, 'environ').includes(folder)) return [];
    return [`${pid} ${words.replaceAll('\0', ' ').slice(0, 200)}`];
  });
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(join('/proc', pid, file), 'utf8');
  } catch {
    // It is gone, or a zombie.
    return '';
  }
}
