/**
 * Stopping a job: TERM to its whole session, and KILL when that did not help.
 *
 * The supervisor traps TERM, to be there for the exit code. So a TERM that comes before it has
 * started the command is swallowed, and the command would run on unasked: until the command has
 * become its own program, we wait with it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Started } from './attempt-folder.ts';
import { bootId, commandOf, readProcess, sessionMembers, signalProcess } from './processes.ts';

/** A command in a session of its own is never seen here; then TERM goes to who is there. */
const COMMAND_LIMIT_MS = 2000;

export async function terminate(by: Started): Promise<void> {
  const limitMs = performance.now() + COMMAND_LIMIT_MS;
  while ((await isStarting(by)) && performance.now() < limitMs) await delay(5);
  for (const pid of await membersOf(by)) signalProcess(pid, 'SIGTERM');
}

/** Whether the supervisor has not started the command yet: none there, or still a copy of itself. */
async function isStarting(by: Started): Promise<boolean> {
  const members = await membersOf(by);
  if (!members.includes(by.pid)) return false;
  const supervisor = await commandOf(by.pid);
  if (supervisor === '') return false;
  const others = members.filter((pid) => pid !== by.pid);
  const commands = await Promise.all(others.map(commandOf));
  return commands.every((command) => command === '' || command === supervisor);
}

/** What was forked while we were killing is killed too, until there is nothing new. */
export async function killAll(by: Started): Promise<void> {
  const struck = new Set<number>();
  for (;;) {
    const fresh = (await membersOf(by)).filter((pid) => !struck.has(pid));
    if (fresh.length === 0) return;
    for (const pid of fresh) {
      signalProcess(pid, 'SIGKILL');
      struck.add(pid);
    }
  }
}

export async function isAlive(by: Started): Promise<boolean> {
  if (by.boot !== bootId()) return false;
  const facts = await readProcess(by.pid);
  return facts !== undefined && !facts.dead && facts.start === by.start;
}

/**
 * The living processes of the job. Its session's number cannot be given to others while members
 * live; so when the leader's pid belongs to another process, none of ours is left.
 */
export async function membersOf(by: Started): Promise<readonly number[]> {
  if (by.boot !== bootId()) return [];
  const leader = await readProcess(by.pid);
  if (leader !== undefined && leader.start !== by.start) return [];
  return (await sessionMembers(by.pid)).map((facts) => facts.pid);
}
