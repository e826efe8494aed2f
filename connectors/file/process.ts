/**
 * A process of its own for work on files, because a file system that does not answer keeps the
 * thread that asked it: a node has four of them for everything, a process cannot even exit while one
 * is kept, and a thread in the system cannot be ended. A process can.
 *
 * It runs as many actions at a time as the node gives it, each on threads of its own. What was to stop
 * and does not, is left behind: the process takes nothing new, another takes its place, and it is
 * killed as soon as all else in it is over. It goes when our end of its channel closes, whatever
 * became of us.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Json } from '../../model/json.ts';
import { type Action, type ActionContext, ActionFailure, type LogStream } from '../kit/index.ts';

/** For the actions of a full lane, and some for what lies between them. */
const THREADS = '128';
/** How long an action may take to notice that it is to stop. */
const GRACE_MS = 1_000;

/** Its input is checked before it comes here. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyAction = Action<any, any, any>;

interface Asked {
  readonly id: number;
  readonly name: string;
  readonly context: Omit<ActionContext, 'signal' | 'log' | 'config' | 'mayLeave' | 'trace'>;
  readonly input: unknown;
}
type Told =
  | { readonly id: number; readonly said: 'done'; readonly output: unknown }
  | { readonly id: number; readonly said: 'failed'; readonly failure: Failure }
  | {
      readonly id: number;
      readonly said: 'log';
      readonly stream: LogStream;
      readonly text: string;
    };
type Failure = ConstructorParameters<typeof ActionFailure>[0];

interface Job {
  readonly context: ActionContext;
  readonly resolve: (output: unknown) => void;
  readonly reject: (failure: ActionFailure) => void;
}

/** `program`: what the process evaluates. */
export class Helper {
  readonly #program: string;
  #worker: Worker | undefined;

  constructor(program: string) {
    this.#program = program;
  }

  run(name: string, context: ActionContext, input: unknown): Promise<unknown> {
    if (this.#worker === undefined || this.#worker.isRetired)
      this.#worker = new Worker(this.#program);
    return this.#worker.run(name, context, input);
  }
}

class Worker {
  readonly #process: ChildProcess;
  readonly #jobs = new Map<number, Job>();
  #count = 0;
  #retired = false;

  constructor(program: string) {
    // No signal of a terminal reaches it: it is needed until the last action is over.
    this.#process = spawn(process.execPath, ['--max-semi-space-size=1', '-e', program], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: THREADS },
      serialization: 'advanced',
      detached: true,
    });
    this.#process.unref();
    this.#process.channel?.unref();
    this.#process.on('message', (told: Told) => this.#hear(told));
    this.#process.once('error', () => this.#lost());
    this.#process.once('exit', () => this.#lost());
    this.#process.once('disconnect', () => this.#lost());
  }

  get isRetired(): boolean {
    return this.#retired;
  }

  async run(name: string, context: ActionContext, input: unknown): Promise<unknown> {
    const { key, run, task, attempt, directory, stateDirectory, signal } = context;
    const about = { key, run, task, attempt, directory, stateDirectory };
    const id = this.#count++;
    let timer: NodeJS.Timeout | undefined;
    const abort = (): void => {
      this.#send({ id, abort: true });
      timer = setTimeout(() => this.#leaveBehind(id), GRACE_MS);
    };
    try {
      return await new Promise((resolve, reject) => {
        if (this.#jobs.size === 0) this.#process.channel?.ref();
        this.#jobs.set(id, { context, resolve, reject });
        this.#send({ id, name, context: about, input } satisfies Asked);
        if (signal.aborted) abort();
        else signal.addEventListener('abort', abort, { once: true });
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      this.#jobs.delete(id);
      if (this.#jobs.size === 0) this.#rest();
    }
  }

  #rest(): void {
    this.#process.channel?.unref();
    if (this.#retired) this.#process.kill('SIGKILL');
  }

  #send(message: object): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  #hear(told: Told): void {
    const job = this.#jobs.get(told.id);
    switch (told.said) {
      case 'done':
        job?.resolve(told.output);
        return;
      case 'failed':
        job?.reject(new ActionFailure(told.failure));
        return;
      case 'log':
        job?.context.log(told.stream, told.text);
    }
  }

  #leaveBehind(id: number): void {
    this.#retired = true;
    this.#jobs.get(id)?.reject(
      new ActionFailure({
        class: 'transient',
        code: 'file.silent',
        message: 'the file system does not answer; the work on it was given up',
      }),
    );
  }

  #lost(): void {
    this.#retired = true;
    for (const { reject } of this.#jobs.values()) {
      const message = 'the process that works on files has ended; this can be done again';
      reject(new ActionFailure({ class: 'transient', code: 'file.interrupted', message }));
    }
  }
}

/** The same action, carried out by a helper. */
export function outside<Config, Input, Output>(
  action: Action<Config, Input, Output>,
  helper: Helper,
): Action<Config, Input, Output> {
  const call = async (context: ActionContext<Config>, input: Input): Promise<Output> =>
    (await helper.run(action.name, context, input)) as Output;
  return { ...action, does: { form: 'call', call } };
}

function tell(told: Told): void {
  if (process.connected) process.send?.(told, () => undefined);
}

/** What the process does. */
export function serve(actions: readonly AnyAction[]): void {
  process.title = 'tutti: works on files';
  const stopping = new Map<number, AbortController>();
  // A thread that is kept by a file system would keep `exit` too.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.on('message', (message: Asked | { readonly id: number; readonly abort: true }) => {
    if ('abort' in message) {
      stopping.get(message.id)?.abort();
      return;
    }
    const { id, name, context, input } = message;
    const stop = new AbortController();
    stopping.set(id, stop);
    const does = actions.find((action) => action.name === name)?.does;
    const log = (stream: LogStream, text: string): void => tell({ id, said: 'log', stream, text });
    const work =
      does?.form === 'call'
        ? does.call({ ...context, config: {}, signal: stop.signal, log }, input)
        : Promise.reject(new Error(`there is no call ${name}`));
    work
      .then((output) => tell({ id, said: 'done', output }))
      .catch((error: unknown) => tell({ id, said: 'failed', failure: failureOf(error) }))
      .finally(() => stopping.delete(id));
  });
}

/** Errors lose their class on the way. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof ActionFailure)) {
    const message = error instanceof Error ? error.message : String(error);
    return { class: 'unknown', code: 'connector.error', message };
  }
  const { class: kind, code, message, native, output, retryAfterMs } = error;
  const more: { native?: Json; output?: Json; retryAfterMs?: number } = {};
  if (native !== undefined) more.native = native;
  if (output !== undefined) more.output = output;
  if (retryAfterMs !== undefined) more.retryAfterMs = retryAfterMs;
  return { class: kind, code, message, ...more };
}
