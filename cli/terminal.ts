/**
 * Where the words go. Commands speak to this instead of the process, so tests can listen.
 */
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import { isReservedActor } from '../model/actor.ts';

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether standard output is a screen that lines can be redrawn on. */
  readonly live: boolean;
  readonly color: boolean;
  columns(): number;
  rows(): number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly userName: string;
  readonly isRoot: boolean;
  /** Null when no person is there to answer. */
  ask(question: string): Promise<string | null>;
  now(): number;
}

/** A pipe that was closed early (`tutti runs | head`) is not an error. */
function quietOnClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  quietOnClosedPipe(stdout);
  quietOnClosedPipe(stderr);
  const live = stdout.isTTY && env['TERM'] !== 'dumb';
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    live,
    color: wantsColor(env, live),
    columns: () => stdout.columns || 80,
    rows: () => stdout.rows || 24,
    environment: env,
    workingDirectory: process.cwd(),
    userName: userName(),
    isRoot: process.getuid?.() === 0,
    ask,
    now: () => Date.now(),
  };
}

async function ask(question: string): Promise<string | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise((resolve) => {
      reader.once('close', () => resolve(null));
      reader.question(question, resolve);
    });
  } finally {
    reader.close();
  }
}

/** https://no-color.org and its counterpart. */
function wantsColor(env: NodeJS.ProcessEnv, live: boolean): boolean {
  if (env['NO_COLOR']) return false;
  return live || Boolean(env['FORCE_COLOR'] && env['FORCE_COLOR'] !== '0');
}

function userName(): string {
  try {
    const { username } = userInfo();
    // Services often run as a user of their own name, under which no person may act.
    return isReservedActor(username) ? `user ${username}` : username;
  } catch {
    // A container's user id may have no name.
    return 'unknown';
  }
}
