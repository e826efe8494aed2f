/**
 * Stopping a job: TERM to all its processes, and KILL when that did not help.
 *
 * Its processes are those of its session, and those that left it (`setsid`, a daemon) and still
 * carry the attempt's key in their environment. Who cleans that too cannot be told from a process
 * that has nothing to do with the job; nor can who left, where environments cannot be seen.
 *
 * The supervisor traps TERM, to be there for the exit code. So a TERM that comes before it has
 * started the command is swallowed, and the command would run on unasked: until the command has
 * become its own program, we wait with it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Started } from './attempt-folder.ts';
import {
  bootId,
  carriersOf,
  commandOf,
  readProcess,
  sessionMembers,
  signalProcess,
} from './processes.ts';

/** Whose processes: by the attempt's key, and by the claim when there is one that can be read. */
export interface Hunted {
  readonly key: string;
  readonly by: Started | undefined;
}

/** A command in a session of its own is never seen here; then TERM goes to the processes that are. */
const COMMAND_LIMIT_MS = 2000;

export async function terminate(hunted: Hunted): Promise<void> {
  const limitMs = performance.now() + COMMAND_LIMIT_MS;
  while ((await isStarting(hunted.by)) && performance.now() < limitMs) await delay(5);
  for (const pid of await membersOf(hunted)) signalProcess(pid, 'SIGTERM');
}

/** Whether the supervisor has not started the command yet: none there, or still a copy of itself. */
async function isStarting(by: Started | undefined): Promise<boolean> {
  if (by === undefined) return false;
  const members = await sessionOf(by);
  if (!members.includes(by.pid)) return false;
  const supervisor = await commandOf(by.pid);
  if (supervisor === '') return false;
  const others = members.filter((pid) => pid !== by.pid);
  const commands = await Promise.all(others.map(commandOf));
  return commands.every((command) => command === '' || command === supervisor);
}

/** What was forked while we were killing is killed too, until there is nothing new. */
export async function killAll(hunted: Hunted): Promise<void> {
  const struck = new Set<number>();
  for (;;) {
    const fresh = (await membersOf(hunted)).filter((pid) => !struck.has(pid));
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

/** The living processes of the job. */
async function membersOf({ key, by }: Hunted): Promise<readonly number[]> {
  const [session, carriers] = await Promise.all([
    by === undefined ? [] : sessionOf(by),
    carriersOf(entryOf(key)),
  ]);
  return [...new Set([...session, ...carriers])];
}

/**
 * The living processes of a job of which it matters that none is left. One that forks and goes while
 * we look is missed, and so is its child, which came after the list was made: a second look sees it.
 */
export async function survivorsOf(hunted: Hunted): Promise<readonly number[]> {
  const seen = await membersOf(hunted);
  return seen.length > 0 ? seen : await membersOf(hunted);
}

/** What the job began and left running when it ended by itself: as far as it is cheap to see. */
export async function remaindersOf(key: string, by: Started): Promise<readonly number[]> {
  return by.boot === bootId() ? await carriersOf(entryOf(key), by.pid) : [];
}

function entryOf(key: string): string {
  return `TUTTI_KEY=${key}`;
}

/**
 * The session's number cannot be given to others while members live; so when the leader's pid
 * belongs to another process, none of ours is left.
 */
async function sessionOf(by: Started): Promise<readonly number[]> {
  if (by.boot !== bootId()) return [];
  const leader = await readProcess(by.pid);
  if (leader !== undefined && leader.start !== by.start) return [];
  return (await sessionMembers(by.pid)).map((facts) => facts.pid);
}
