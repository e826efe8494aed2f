/**
 * What the engine tells its observer, as lines of the log: facts once each, troubles at most so
 * often for each kind, or a database that is away for a minute would fill the disk.
 */
import type { Fact } from '../engine/observer.ts';
import type { Log } from '../model/log.ts';

/** Between two lines of the same trouble; those in between are counted. */
const QUIET_MS = 10_000;

interface Trouble {
  toldAt: number;
  untold: number;
}

export class EngineLog {
  readonly #log: Log;
  /** Monotonic milliseconds. */
  readonly #now: () => number;
  readonly #troubles = new Map<string, Trouble>();

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  noted(fact: Fact): void {
    const { is, ...fields } = fact;
    this.#log[LEVELS[is] ?? 'info'](fields, sentenceOf(fact));
  }

  troubled(what: string, error: unknown, about: object = {}): void {
    const now = this.#now();
    const known = this.#troubles.get(what);
    if (known !== undefined && now - known.toldAt < QUIET_MS) {
      known.untold += 1;
      return;
    }
    this.#troubles.set(what, { toldAt: now, untold: 0 });
    const times = known === undefined || known.untold === 0 ? {} : { untold: known.untold };
    this.#log.warn({ err: error, ...about, ...times }, `Error while ${what}; Tutti continues.`);
  }
}

const LEVELS: Partial<Record<Fact['is'], 'warn'>> = {
  'lease-lost': 'warn',
  'append-refused': 'warn',
  'set-aside': 'warn',
};

function sentenceOf(fact: Fact): string {
  switch (fact.is) {
    case 'joined':
      return `Node "${fact.name}" has its lease and works.`;
    case 'fenced':
      return `The lease of ${counted(fact.nodes, 'other node')} ended: the live nodes continue their runs.`;
    case 'claimed':
      return `Claimed ${counted(fact.runs, 'run')} without a live owner.`;
    case 'lease-lost':
      return 'This node lost its lease and stops writing.';
    case 'drained':
      return fact.leftAttempts === 0
        ? 'Stopping: all attempts have ended.'
        : `Stopping: ${counted(fact.leftAttempts, 'attempt')} continue without this node, or are checked at the next start.`;
    case 'append-refused':
      return 'The database refused what a run had decided. The run is read again.';
    case 'set-aside':
      return 'A run is set aside: repair it with `tutti repair RUN`.';
    case 'retention-begun':
      return 'Retention has begun to delete.';
    case 'retention-ended':
      return `Retention has ended: ${counted(fact.runs, 'run')} deleted by this node.`;
  }
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
