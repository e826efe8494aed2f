/**
 * Programs that tests start as a user would: from outside, with bounded time, and with nothing in
 * their environment that says where a Tutti is.
 */
import { execFile } from 'node:child_process';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface ChildOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly limitMs: number;
}

const OUTPUT_MAX_BYTES = 32 * 1024 * 1024;
/** The exit code that a shell gives to what a signal ended. */
const KILLED_EXIT = 137;

/** The environment of this process without `TUTTI_…` and `npm_…`; as root with consent. */
export function plainEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(?:tutti|npm)_/i.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: '1', TUTTI_ALLOW_ROOT: '1', ...more };
}

export function runChild(
  program: string,
  words: readonly string[],
  place: ChildOptions,
): Promise<Ended> {
  return new Promise((resolve) => {
    const options = {
      cwd: place.cwd,
      env: plainEnvironment(place.env),
      timeout: place.limitMs,
      killSignal: 'SIGKILL' as const,
      maxBuffer: OUTPUT_MAX_BYTES,
    };
    const child = execFile(program, words, options, (_error, out, err) => {
      resolve({ code: child.exitCode ?? KILLED_EXIT, out, err });
    });
    child.stdin?.end();
  });
}
