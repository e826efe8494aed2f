/**
 * What is wrong with the database, since when, in sentences for `/readyz`.
 *
 * Each connection reports its own trouble and takes it back when a statement has passed. Several connections
 * usually meet the same trouble: it is reported once, with the oldest time. The log gets a line for the first
 * trouble that lasts, and for the moment from which the database works again.
 */
import { type Log, SILENT } from '../../model/log.ts';
import { sqlState, Unfit, messageOf } from './faults.ts';

interface Trouble {
  /** "the database …" */
  readonly what: string;
  readonly reason: string;
}

const NO_WRITES = 'takes no writes';
const BY_STATE: Readonly<Record<string, string>> = {
  '25006': NO_WRITES,
  '53100': 'has no room left on its disk',
  '53200': 'has no memory left',
  '53300': 'has no connection left',
  '57014': 'cancels statements',
  '57P01': 'is shutting down',
  '57P02': 'has crashed and restarts',
  '57P03': 'is starting or stopping',
};

export function troubleOf(error: unknown): Trouble {
  const state = sqlState(error);
  if (error instanceof Unfit) return { what: NO_WRITES, reason: messageOf(error) };
  if (state === null) return { what: 'cannot be reached', reason: messageOf(error) };
  return { what: BY_STATE[state] ?? 'refuses', reason: `${messageOf(error)} (${state})` };
}

/** Shorter troubles, such as one statement that has to be repeated, are no news for an operator. */
const TELL_AFTER_MS = 1_000;

export class Stalls {
  readonly #byConnection = new Map<object, Trouble & { readonly since: number }>();
  readonly #log: Log;
  readonly #now: () => number;
  /** Since when the database is stalled, while the log says so. */
  #toldSince: number | null = null;

  constructor(log: Log = SILENT, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  /** `since`: when this trouble began, unless it is known to be older. */
  report(connection: object, trouble: Trouble, since: number): void {
    const known = this.#byConnection.get(connection)?.since ?? since;
    this.#byConnection.set(connection, { ...trouble, since: known });
    if (this.#toldSince !== null || this.#now() - known < TELL_AFTER_MS) return;
    this.#toldSince = known;
    this.#log.warn({ reason: trouble.reason }, `${capitalized(sentenceOf(trouble, known))}.`);
  }

  clear(connection: object): void {
    if (this.#byConnection.size === 0) return;
    this.forget(connection);
    if (this.#toldSince === null || this.#byConnection.size > 0) return;
    const stalledMs = this.#now() - this.#toldSince;
    this.#toldSince = null;
    const seconds = Math.round(stalledMs / 1_000);
    this.#log.info({ stalledMs }, `The database works again after ${seconds} s.`);
  }

  /** The connection is closed: that repairs nothing. */
  forget(connection: object): void {
    this.#byConnection.delete(connection);
  }

  sentences(): string[] {
    const oldest = new Map<string, Trouble & { readonly since: number }>();
    for (const each of [...this.#byConnection.values()].toSorted((a, b) => a.since - b.since)) {
      if (!oldest.has(each.what)) oldest.set(each.what, each);
    }
    return [...oldest.values()].map((each) => sentenceOf(each, each.since));
  }
}

function sentenceOf({ what, reason }: Trouble, since: number): string {
  return `the database ${what} since ${new Date(since).toISOString()}: ${reason}`;
}

function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
