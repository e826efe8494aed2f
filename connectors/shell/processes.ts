/**
 * What the kernel says of processes. A pid alone proves nothing, for pids come back: a process is
 * the one we mean only when its start time is the same too, in the same boot. Zombies are dead.
 *
 * Linux answers from /proc. Elsewhere `ps` does, where the group stands in for the session.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

interface ProcessFacts {
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
    // ignored: a process without facts has ended.
    return undefined;
  }
}

/** The living processes of a session, its leader included. */
export async function sessionMembers(session: number): Promise<readonly ProcessFacts[]> {
  const all = LINUX ? await listProc() : await ps(['-ax']);
  return all.filter((facts) => facts.session === session && !facts.dead);
}

async function listProc(): Promise<readonly ProcessFacts[]> {
  // ignored: a process that has ended since it was listed has no line.
  const lines = await Promise.all(
    (await pidsAfter(0)).map(
      async (pid) => await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
    ),
  );
  return lines.flatMap((line) => parseStat(line) ?? []);
}

async function pidsAfter(pid: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number);
  return pids.filter((each) => each > pid);
}

/** Whether processes can be found by what stands in their environment. */
export const SEES_ENVIRONMENTS = LINUX;

/**
 * The living processes that carry this entry in their environment, in whatever session they are.
 * `after`: only pids above it, where a hint is enough (pids come back) and has to be cheap.
 */
export async function carriersOf(entry: string, after = 0): Promise<readonly number[]> {
  if (!SEES_ENVIRONMENTS) return [];
  const pids = await pidsAfter(after);
  const found = await Promise.all(pids.map(async (pid) => await carries(pid, entry)));
  return pids.filter((_, index) => found[index]);
}

const LOOKS = 4;
const BETWEEN_LOOKS_MS = 3;

/**
 * Not those of others, whose environment is closed to us. A process that becomes another program
 * has none for a moment, in which it must not escape: it is looked at again.
 */
async function carries(pid: number, entry: string): Promise<boolean> {
  for (let look = 1; ; look += 1) {
    // ignored: a process that has ended, or is another user's, carries no mark of ours.
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => undefined);
    if (environment === undefined) return false;
    if (environment !== '') return `\0${environment}`.includes(`\0${entry}\0`);
    if (look === LOOKS || !(await isProgram(pid))) return false;
    await delay(BETWEEN_LOOKS_MS);
  }
}

const KERNEL_THREAD = 0x20_0000;

/** Neither a zombie nor a thread of the kernel: these have no environment at all. */
async function isProgram(pid: number): Promise<boolean> {
  // ignored: a process that has ended is no program.
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const facts = parseStat(line);
  const flags = Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[6]);
  return facts !== undefined && !facts.dead && (flags & KERNEL_THREAD) === 0;
}

/** The program and arguments that a process runs; nothing where the system does not tell. */
export async function commandOf(pid: number): Promise<string> {
  // ignored: the command is only shown, and a process that has ended shows none.
  return LINUX ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : '';
}

async function ps(select: readonly string[]): Promise<readonly ProcessFacts[]> {
  // ignored: `ps` ends with 1 when it finds nothing.
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
