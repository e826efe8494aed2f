/**
 * One `tutti serve` as a child process: the real executable, watched by what it prints and by its
 * exit, ended by SIGKILL (the experiment) or SIGTERM (at the very end).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LISTENS = /^Tutti listens on (\S+)$/m;
const KEPT_CHARACTERS = 20_000;

/** The package's root, from the sources as from `dist/`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ServeProcess {
  /** The address; null when it ended before it listened. */
  readonly ready: Promise<string | null>;
  readonly exited: Promise<Exit>;
  readonly #folder: string;
  readonly #child: ChildProcess;
  #out = '';
  #err = '';
  #running = true;

  constructor(
    dataFolder: string,
    environment: Readonly<Record<string, string>> = {},
    more: readonly string[] = [],
  ) {
    this.#folder = dataFolder;
    const executable = join(packageRoot(), 'cli', 'tutti.js');
    const words = ['serve', '--port', '0', '--data', dataFolder, '--log-level', 'warn', ...more];
    const { TUTTI_URL: _url, TUTTI_TOKEN: _token, TUTTI_DATABASE: _database, ...env } = process.env;
    // The data folder as working directory: no systems.yaml of somebody else is found.
    this.#child = spawn(process.execPath, [executable, ...words], {
      cwd: dataFolder,
      // The tests may run as root; their workflows are ours.
      env: { ...env, TUTTI_ALLOW_ROOT: '1', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // A test that is given up must not leave a server behind.
    const abandon = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', abandon);
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        process.off('exit', abandon);
        this.#running = false;
        resolve({ code, signal });
      };
      this.#child.once('error', () => end(null, null));
      this.#child.once('close', end);
    });
    this.ready = this.#listen();
  }

  /** What opens it, when it listens. */
  get token(): string {
    return readFileSync(join(this.#folder, 'token'), 'utf8').trim();
  }

  get running(): boolean {
    return this.#running;
  }

  /** The end of what it printed on standard error. */
  get words(): string {
    return this.#err.trim();
  }

  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  #listen(): Promise<string | null> {
    const { stdout, stderr } = this.#child;
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#err = (this.#err + text).slice(-KEPT_CHARACTERS);
    });
    return new Promise((resolve) => {
      stdout?.setEncoding('utf8').on('data', (text: string) => {
        this.#out = (this.#out + text).slice(-KEPT_CHARACTERS);
        const url = LISTENS.exec(this.#out)?.[1];
        if (url !== undefined) resolve(url);
      });
      void this.exited.then(() => resolve(null));
    });
  }
}

/** The pid of the embedded PostgreSQL's postmaster, if one runs. */
export function postmasterOf(dataFolder: string): number | null {
  try {
    const file = join(dataFolder, 'postgres', 'cluster', 'postmaster.pid');
    const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
    const program = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return program.includes(dataFolder) ? pid : null;
  } catch {
    return null;
  }
}
