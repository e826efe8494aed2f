/**
 * What is wrong with the database, since when, in sentences for `/readyz`.
 *
 * Each line reports its own trouble and takes it back when a statement has passed. Several lines
 * usually meet the same trouble: it is told once, with the oldest time.
 */
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

export class Stalls {
  readonly #byLine = new Map<object, Trouble & { readonly since: number }>();

  /** `since`: when this trouble began, unless it is known to be older. */
  report(line: object, trouble: Trouble, since: number): void {
    this.#byLine.set(line, { ...trouble, since: this.#byLine.get(line)?.since ?? since });
  }

  clear(line: object): void {
    if (this.#byLine.size > 0) this.#byLine.delete(line);
  }

  sentences(): string[] {
    const oldest = new Map<string, Trouble & { readonly since: number }>();
    for (const each of [...this.#byLine.values()].toSorted((a, b) => a.since - b.since)) {
      if (!oldest.has(each.what)) oldest.set(each.what, each);
    }
    return [...oldest.values()].map(
      ({ what, reason, since }) =>
        `the database ${what} since ${new Date(since).toISOString()}: ${reason}`,
    );
  }
}
