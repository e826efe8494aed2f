/**
 * Starts processes from a small process, because starting one costs the starter: the system copies
 * the map of its memory and then write-protects it, milliseconds for a node of some hundred
 * megabytes, in which nothing else goes on. The small one stays small, and does it beside us.
 *
 * It is a convenience, never a witness. What it starts lives in a session of its own and outlives
 * it; it goes when our end of its channel closes, whatever became of us. Whoever waits for its answer
 * when it is lost knows nothing, and must look for the claim (`attempt-folder.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** Text, because the source is TypeScript and this runs without whatever reads that. */
const STARTER = `
process.title = 'tutti: starts jobs';
const { spawn } = require('node:child_process');
const { closeSync, openSync } = require('node:fs');
const tell = (answer) => process.connected && process.send(answer, () => {});
process.on('disconnect', () => process.exit());
process.on('message', ({ id, program, args, cwd, env, out, err }) => {
  const files = [];
  const refused = ({ code, message }) => tell({ id, said: 'refused', code, message });
  try {
    for (const file of [out, err]) files.push(openSync(file, 'a', 0o600));
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', ...files] });
    child.once('error', refused);
    child.once('exit', () => tell({ id, said: 'over' }));
    if (child.pid !== undefined) tell({ id, said: 'started' });
  } catch (error) {
    refused(error);
  } finally {
    for (const file of files) closeSync(file);
  }
});
`;

export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files that its output is appended to. */
  readonly out: string;
  readonly err: string;
}

export interface Launched {
  /** Resolves when the process has ended, or when nobody is left to tell. */
  readonly over: Promise<void>;
}

/** The starter went without an answer: whether there is a process cannot be told. */
export class StarterLost extends Error {}

interface Answer {
  readonly id: number;
  readonly said: 'started' | 'refused' | 'over';
  readonly code?: string;
  readonly message?: string;
}

interface Waiting {
  readonly started: () => void;
  readonly refused: (error: Error) => void;
  readonly over: () => void;
}

let starter: Starter | undefined;

/** Resolves when the process exists; rejects with the system's error when it refused. */
export async function launch(what: Launch): Promise<Launched> {
  if (starter === undefined || starter.gone) starter = new Starter();
  return await starter.launch(what);
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
  /** Answers that somebody waits for: until then they keep this process up. */
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
    const id = this.#count++;
    let over!: () => void;
    const ended = new Promise<void>((resolve) => {
      over = resolve;
    });
    if (this.#asked++ === 0) this.#process.channel?.ref();
    try {
      await new Promise<void>((started, refused) => {
        this.#waiting.set(id, { started, refused, over });
        // Without a process there is no channel, and `error` says why.
        if (this.#process.connected) this.#process.send({ id, ...what }, () => undefined);
      });
    } finally {
      if (--this.#asked === 0) this.#process.channel?.unref();
    }
    return { over: ended };
  }

  #hear({ id, said, code, message }: Answer): void {
    const waiting = this.#waiting.get(id);
    switch (said) {
      case 'started':
        waiting?.started();
        return;
      case 'refused':
        waiting?.refused(Object.assign(new Error(message), { code }));
        break;
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
