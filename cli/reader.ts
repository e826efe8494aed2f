/**
 * Reads workflow files beside the loop: a file of some megabytes costs seconds of a processor, in
 * which the node could neither answer nor write.
 *
 * The reading is done by threads, started when they are first needed, with a limit on time and
 * memory; one that exceeds either is ended, and another takes its place. A thread runs this file
 * again (`serveReading`), from the sources as from `dist/`.
 *
 * Who waits is served in the order of coming, but large files never have all threads: the small
 * ones pass them by.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, Worker } from 'node:worker_threads';
import { loadConnectors } from '../connectors/index.ts';
import { catalogueOf } from '../connectors/kit/index.ts';
import type { ActionCatalogue } from '../model/action.ts';
import { beside } from '../model/beside.ts';
import { readingDefinition, writeDefinition } from '../model/definition-text.ts';
import { inTurns } from '../model/portions.ts';
import { type ReadOptions, type ReadResult, readWorkflow } from '../language/read.ts';

type Asked = Pick<ReadOptions, 'file' | 'found'>;
type ReadFile = (source: string, options: Asked) => Promise<ReadResult>;

interface Question {
  readonly source: string;
  readonly options: Asked;
  readonly answer: (result: ReadResult) => void;
}

interface ReaderLimits {
  readonly threads: number;
  readonly timeMs: number;
  readonly memoryMb: number;
}

/** The largest file that is let in takes a quarter of a minute of a processor that has others to serve, too. */
const LIMITS: ReaderLimits = { threads: 2, timeMs: 120_000, memoryMb: 2_048 };
/** In characters: read where they are in a few milliseconds, once the reader is warm. */
const SMALL = 2_000;

/** In characters: a larger one may take longer than others want to wait. */
const LARGE = 100_000;

export class Reader {
  readonly #limits: ReaderLimits;
  readonly #idle: Worker[] = [];
  readonly #waiting: Question[] = [];
  readonly #all = new Set<Worker>();
  #largeUnderWay = 0;
  #closed = false;

  constructor(limits: Partial<ReaderLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** Never fails for what stands in the file. */
  readonly read: ReadFile = (source, options) => {
    if (source.length <= SMALL) return readHere(source, options);
    return new Promise((answer) => {
      this.#waiting.push({ source, options, answer });
      this.#next();
    });
  };

  async close(): Promise<void> {
    this.#closed = true;
    for (const { answer } of this.#waiting.splice(0)) answer(refused('Tutti is stopping'));
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#closed) return;
    const at = this.#waiting.findIndex((question) => !isLarge(question) || this.#mayReadLarge());
    if (at === -1) return;
    const worker = this.#idle.pop() ?? this.#start();
    if (worker === undefined) return;
    for (const question of this.#waiting.splice(at, 1)) this.#ask(worker, question);
  }

  /** One thread is kept for the others. */
  #mayReadLarge(): boolean {
    return this.#largeUnderWay < Math.max(1, this.#limits.threads - 1);
  }

  #start(): Worker | undefined {
    if (this.#all.size >= this.#limits.threads) return undefined;
    const worker = new Worker(beside(import.meta.url, 'serveReading'), {
      eval: true,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.memoryMb },
    });
    this.#all.add(worker);
    worker.unref();
    // One that ends while it has nothing to do is no news, and reads nothing any more.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      this.#all.delete(worker);
      if (this.#idle.includes(worker)) this.#idle.splice(this.#idle.indexOf(worker), 1);
    });
    return worker;
  }

  #ask(worker: Worker, question: Question): void {
    const { source, options, answer } = question;
    const large = isLarge(question) ? 1 : 0;
    this.#largeUnderWay += large;
    let over = false;
    const end = (result: ReadResult, alive: boolean): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      // Each by itself: a thread whose listeners are all removed is not heard any more.
      for (const [event, hear] of Object.entries(hearing)) worker.off(event, hear);
      worker.unref();
      if (alive) this.#idle.push(worker);
      else void worker.terminate();
      if (!alive) this.#all.delete(worker);
      this.#largeUnderWay -= large;
      answer(result);
      this.#next();
    };
    const { timeMs, memoryMb } = this.#limits;
    const hearing = {
      message: (said: Answer) => void resultOf(said).then((result) => end(result, true)),
      error: (error: NodeJS.ErrnoException) => {
        const full = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
        end(refused(full ? `it takes more than ${memoryMb} MB to read` : error.message), false);
      },
      exit: () => end(refused('its reader has ended'), false),
    };
    const timer = setTimeout(() => {
      end(refused(`it takes longer than ${timeMs / 1_000} s to read`), false);
    }, timeMs);
    for (const [event, hear] of Object.entries(hearing)) worker.on(event, hear);
    worker.ref();
    worker.postMessage({ source, options }, []);
  }
}

function isLarge({ source }: Question): boolean {
  return source.length > LARGE;
}

function refused(why: string): ReadResult {
  const problem = {
    code: 'source.limit',
    message: `the file cannot be read: ${why}`,
    hint: 'split it into several workflows, or let `each` run one task over a list',
    line: 1,
    column: 1,
  };
  return { definition: null, problems: [problem] };
}

let loading: Promise<ActionCatalogue> | undefined;

async function readHere(source: string, options: Asked): Promise<ReadResult> {
  loading ??= loadConnectors().then(catalogueOf);
  return readWorkflow(source, { ...options, actions: await loading });
}

/** What a thread answers. Texts: to copy a large value costs the loop twice as much as to read it. */
interface Answer {
  readonly rest: string;
  readonly definition: string | null;
}

function answerOf({ definition, ...rest }: ReadResult): Answer {
  return {
    rest: JSON.stringify(rest),
    definition: definition === null ? null : writeDefinition(definition),
  };
}

export function serveReading(): void {
  parentPort?.on('message', ({ source, options }: Pick<Question, 'source' | 'options'>) => {
    void readHere(source, options).then((result) => parentPort?.postMessage(answerOf(result), []));
  });
}

/** Others have their turn while a large one is read. */
async function resultOf({ rest, definition }: Answer): Promise<ReadResult> {
  const result = JSON.parse(rest) as Omit<ReadResult, 'definition'>;
  if (definition === null) return { ...result, definition };
  return { ...result, definition: await inTurns(readingDefinition(definition), turn) };
}
