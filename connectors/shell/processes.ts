/**
 * What the kernel says of processes. A pid alone proves nothing, for pids come back: a process is
 * the one we mean only when its start time is the same too, in the same boot. Zombies are dead.
 *
 * Linux answers from /proc. Elsewhere `ps` does, where the group stands in for the session.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface ProcessFacts {
  readonly pid: number;
  readonly session: number;
  readonly dead: boolean;
  /** Linux: clock ticks since boot. Elsewhere: the date as `ps` writes it. */
  readonly start: string;
}

const LINUX = process.platform === 'linux';
const run = promisify(execFile);

/** One line of /proc/PID/stat. The name in brackets may itself hold blanks and brackets. */
export function parseStat(line: string): ProcessFacts | undefined {
  const close = line.lastIndexOf(')');
  const fields = line.slice(close + 2).split(' ');
  const start = fields[19];
  if (close < 0 || start === undefined) return undefined;
  const state = fields[0];
  return {
    pid: Number.parseInt(line, 10),
    session: Number(fields[3]),
    dead: state === 'Z' || state === 'X',
    start,
  };
}

/** One line of `ps -o pid=,pgid=,stat=,lstart=`. */
export function parsePs(line: string): ProcessFacts | undefined {
  const [pid, group, state, ...start] = line.trim().split(/\s+/);
  if (pid === undefined || state === undefined || start.length === 0) return undefined;
  return {
    pid: Number(pid),
    session: Number(group),
    dead: state.startsWith('Z'),
    start: start.join(' '),
  };
}

/** Changes with every boot of the machine; `-` where the system does not tell. */
export function bootId(): string {
  bootIdRead ??= LINUX ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : '-';
  return bootIdRead;
}
let bootIdRead: string | undefined;

export async function readProcess(pid: number): Promise<ProcessFacts | undefined> {
  if (LINUX) return readStat(pid);
  const lines = await ps(['-p', String(pid)]);
  return lines[0];
}

function readStat(pid: number): ProcessFacts | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The living processes of a session, its leader included. */
export async function sessionMembers(session: number): Promise<readonly ProcessFacts[]> {
  const all = LINUX ? await listProc() : await ps(['-ax']);
  return all.filter((facts) => facts.session === session && !facts.dead);
}

async function listProc(): Promise<readonly ProcessFacts[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')),
  );
  return lines.flatMap((line) => parseStat(line) ?? []);
}

/** The program and arguments that a process runs; nothing where the system does not tell. */
export async function commandOf(pid: number): Promise<string> {
  return LINUX ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : '';
}

/** `ps` ends with 1 when it finds nothing. */
async function ps(select: readonly string[]): Promise<readonly ProcessFacts[]> {
  const { stdout } = await run('ps', [...select, '-o', 'pid=,pgid=,stat=,lstart=']).catch(() => ({
    stdout: '',
  }));
  return stdout.split('\n').flatMap((line) => parsePs(line) ?? []);
}

/** Sends a signal; a process that is gone meanwhile is none of our business. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
