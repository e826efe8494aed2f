/**
 * The floor under the paths to systems: the same commands and the same requests in a loop, with no
 * engine, no log, no record of anything.
 */
import { spawn } from 'node:child_process';
import { type Contestant, crowd } from './contestant.ts';

export function open(): Promise<Contestant> {
  return Promise.resolve({
    shell: (tasks, atOnce) => crowd(atOnce, tasks, command),
    http: (tasks, atOnce, url) => crowd(atOnce, tasks, () => page(url)),
    close: () => Promise.resolve(),
  });
}

function command(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', 'true'], { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
}

async function page(url: string): Promise<void> {
  const reply = await fetch(url);
  await reply.json();
}
