/**
 * Starts processes from a small process, because starting one costs the starter: the system copies
 * the map of its memory and then write-protects it, milliseconds for a node of some hundred
 * megabytes, in which nothing else runs. The small one stays small, and does it beside us.
 *
 * It is a convenience, never a witness. What it starts lives in a session of its own and outlives
 * it; it goes when our end of its channel closes, whatever became of us. A caller that waits for its answer
 * when it is lost knows nothing, and must look for the claim (`attempt-folder.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Text, because the source is TypeScript and this runs without whatever reads that.
 *
 * What it starts waits for a word before it does anything. The word comes when the claim stands;
 * when it cannot be had, or the starter dies before, the end of the pipe comes instead.
 */
const STARTER = `
process.title = 'tutti: starts jobs';
const { execFileSync, spawn } = require('node:child_process');
const { closeSync, constants, linkSync, openSync, readFileSync, unlinkSync, writeFileSync } = require('node:fs');
const { randomUUID } = require('node:crypto');
const { O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
const WRITE = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
const LINUX = process.platform === 'linux';
const tell = (answer) => process.connected && process.send(answer, () => {});
const boot = LINUX ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : '-';
const facts = (pid) => (LINUX
  ? readFileSync('/proc/' + pid + '/stat', 'utf8')
  : execFileSync('ps', ['-o', 'pid=,pgid=,stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
).trim();

/** False: another process has it. */
function claimed(claim, pid) {
  const draft = claim + '.' + randomUUID();
  try {
    writeFileSync(draft, 'start ' + boot + ' ' + facts(pid) + '\\n', { flag: 'wx', mode: 0o600 });
    linkSync(draft, claim);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    // ignored: a draft that is left is cleared with its folder.
    try { unlinkSync(draft); } catch {}
  }
}

function start({ id, program, args, cwd, env, out, err, claim }) {
  const files = [];
  const refused = ({ code, message, claim }) => tell({ id, said: 'refused', code, message, claim });
  let child;
  try {
    for (const file of [out, err]) files.push(openSync(file, WRITE, 0o600));
    child = spawn(program, args, { cwd, env, detached: true, stdio: ['pipe', ...files] });
    child.once('error', refused);
    child.once('exit', () => tell({ id, said: 'over' }));
    // ignored: a job that ended before it read its word says so by its exit.
    child.stdin?.on('error', () => {});
    if (child.pid === undefined) return;
    child.stdin.end(claimed(claim, child.pid) ? 'go\\n' : '');
    tell({ id, said: 'started' });
  } catch (error) {
    child?.stdin?.end();
    const { code, message, syscall = '' } = error;
    refused({ code, message, claim: !syscall.startsWith('spawn') });
  } finally {
    for (const file of files) closeSync(file);
  }
}

/** The file keeps its length: only what it holds on the disk goes. */
function hollow({ id, file, from, to }) {
  const fd = openSync(file, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  const place = ['--punch-hole', '--offset', String(from), '--length', String(to - from)];
  const child = spawn('fallocate', [...place, '/proc/self/fd/0'], { stdio: [fd, 'ignore', 'ignore'] });
  closeSync(fd);
  child.once('error', ({ code, message }) => tell({ id, said: 'refused', code, message }));
  child.once('exit', (code) => tell({ id, said: code === 0 ? 'over' : 'refused', code: 'exit ' + code }));
}

process.on('disconnect', () => process.exit());
process.on('message', (asked) => {
  if (asked.program !== undefined) return start(asked);
  try {
    hollow(asked);
  } catch ({ code, message }) {
    tell({ id: asked.id, said: 'refused', code, message });
  }
});
`;

interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files that its output is appended to. */
  readonly out: string;
  readonly err: string;
  /** Where the process is named, before it begins. When it cannot be, nothing runs. */
  readonly claim: string;
}

interface Launched {
  /** Resolves when the process has ended, or when the starter has ended. */
  readonly over: Promise<void>;
}

/** The system did not let the claim be written: the disk is full, or the folder is gone. */
export class NotClaimed extends Error {}

/** The starter went without an answer: whether there is a process cannot be told. */
export class StarterLost extends Error {}

interface Answer {
  readonly id: number;
  readonly said: 'started' | 'refused' | 'over';
  readonly code?: string;
  readonly message?: string;
  readonly claim?: boolean;
}

interface Waiting {
  readonly started: () => void;
  readonly refused: (error: Error) => void;
  readonly over: () => void;
}

let starter: Starter | undefined;

/** Starts the small process, so that it is there when the first job comes. */
export function prepare(): void {
  current();
}

function current(): Starter {
  if (starter === undefined || starter.gone) starter = new Starter();
  return starter;
}

/** Resolves when the process exists; rejects with the system's error when it refused. */
export async function launch(what: Launch): Promise<Launched> {
  return await current().launch(what);
}

/** Gives back to the disk what a file holds between two offsets; rejects where that cannot be. */
export async function hollow(file: string, from: number, to: number): Promise<void> {
  await current().ask({ file, from, to });
}

/** Its process, while there is one. */
export function starterPid(): number | undefined {
  return starter?.gone === false ? starter.pid : undefined;
}

class Starter {
  gone = false;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;
  /** Answers that a caller waits for: until then they keep this process up. */
  #asked = 0;

  constructor() {
    // No signal of a terminal reaches it: it is needed until the last job has been looked after.
    this.#process = spawn(process.execPath, ['--max-semi-space-size=1', '-e', STARTER], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
      detached: true,
    });
    this.#process.unref();
    this.#process.channel?.unref();
    this.#process.on('message', (answer: Answer) => this.#hear(answer));
    this.#process.once('error', (error) => this.#lost(error));
    this.#process.once('exit', () => this.#lost(new StarterLost()));
    this.#process.once('disconnect', () => this.#lost(new StarterLost()));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  async launch(what: Launch): Promise<Launched> {
    let over!: () => void;
    const ended = new Promise<void>((resolve) => {
      over = resolve;
    });
    await this.ask(what, over);
    return { over: ended };
  }

  /** Resolves when it is started, or over when it is not asked to tell of that apart. */
  async ask(what: object, over?: () => void): Promise<void> {
    const id = this.#count++;
    if (this.#asked++ === 0) this.#process.channel?.ref();
    try {
      await new Promise<void>((started, refused) => {
        this.#waiting.set(id, { started, refused, over: over ?? started });
        // Without a process there is no channel, and `error` says why.
        if (this.#process.connected) this.#process.send({ id, ...what }, () => undefined);
      });
    } finally {
      if (--this.#asked === 0) this.#process.channel?.unref();
    }
  }

  #hear({ id, said, code, message, claim }: Answer): void {
    const waiting = this.#waiting.get(id);
    switch (said) {
      case 'started':
        waiting?.started();
        return;
      case 'refused': {
        const error = claim === true ? new NotClaimed(message) : new Error(message);
        waiting?.refused(Object.assign(error, { code }));
        break;
      }
      case 'over':
        waiting?.over();
    }
    this.#waiting.delete(id);
  }

  #lost(error: Error): void {
    this.gone = true;
    for (const { refused, over } of this.#waiting.values()) {
      refused(error);
      over();
    }
    this.#waiting.clear();
  }
}
