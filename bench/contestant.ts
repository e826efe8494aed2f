/**
 * Who takes part in a measurement, and what it is asked to do. A contestant lives in a process of
 * its own and does only its work: time, processor, memory and journal are measured from outside,
 * alike for all. What it cannot do it leaves out.
 *
 * A task is a function that does nothing and returns a small value. Its result is durable before a
 * task that depends on it begins.
 */
export interface Contestant {
  /** Processes that work for it beside the database, by name: each is measured with its children. */
  readonly servers?: Readonly<Record<string, number>>;
  /** Runs chains of ten, as many at once as suits it; resolves when all have ended, durably. */
  chain?(runs: number): Promise<void>;
  /** The same with one task, then fifty side by side, then one. */
  fan?(runs: number): Promise<void>;
  /** Runs one chain of ten and says when each of its tasks began, by `performance.now()`. */
  steps?(): Promise<readonly number[]>;
  /** Runs one chain of ten; resolves when it has ended, durably. */
  one?(): Promise<void>;
  /** Runs of so many tasks, a hundred wide, one run after another. */
  layered?(tasks: number, runs: number): Promise<void>;
  /**
   * Makes runs that sleep until `due` (milliseconds since the epoch) and then do one task, in which
   * `woke` is called; resolves when all of them are durable.
   */
  sleep?(
    runs: number,
    due: (index: number) => number,
    woke: (index: number) => void,
  ): Promise<void>;
  /** Runs `true` by a shell, so many at once. */
  shell?(tasks: number, atOnce: number): Promise<void>;
  /** Gets a page of a server, so many at once. */
  http?(tasks: number, atOnce: number, url: string): Promise<void>;
  close(): Promise<void>;
}

export interface ContestantOptions {
  /** Of an empty database on the server that all contestants share. */
  readonly databaseUrl: string;
  /** A folder of its own. */
  readonly directory: string;
  /** Runs come one at a time: whoever trades latency for throughput need not. */
  readonly alone: boolean;
}

export type Open = (place: ContestantOptions) => Promise<Contestant>;

/** What a contestant's process is asked; the values of the answer are milliseconds. */
export type Order =
  | { readonly verb: 'chain' | 'fan' | 'steps'; readonly runs: number }
  | { readonly verb: 'arrive'; readonly perSecond: number; readonly seconds: number }
  | { readonly verb: 'layered'; readonly tasks: number; readonly runs: number }
  | { readonly verb: 'sleep'; readonly runs: number }
  | {
      readonly verb: 'wake';
      readonly runs: number;
      readonly leadMs: number;
      readonly forMs: number;
    }
  | { readonly verb: 'shell'; readonly tasks: number; readonly atOnce: number }
  | {
      readonly verb: 'http';
      readonly tasks: number;
      readonly atOnce: number;
      readonly url: string;
    };

export type Verb = Order['verb'];

export type Answer =
  | { readonly said: 'ready'; readonly can: readonly string[]; readonly servers: Servers }
  | { readonly said: 'done'; readonly values: readonly number[] }
  | { readonly said: 'broke'; readonly why: string };

export type Servers = Readonly<Record<string, number>>;

/** So much work, never more than `limit` pieces of it at once. */
export async function crowd(
  limit: number,
  count: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
}
