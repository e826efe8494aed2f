/**
 * The journal as a node sees it: over a wire. A question takes its time to the journal, is carried
 * out there at once and as a whole, and its answer takes its time back; each way is a step. A node
 * that crashes between the two never hears what became of its question.
 *
 * The port promises that an append answers only with the truth, so a lost connection is a late
 * answer here, or a question that never arrived from a node that is dead.
 */
import type { Batch } from '../../journal/append.ts';
import type { Notification } from '../../journal/notifications.ts';
import type { Journal } from '../../journal/journal.ts';
import type { NodeLease } from '../../journal/ownership.ts';
import type { Chance } from '../chaos/chance.ts';
import type { Faults } from './faults.ts';
import type { MemoryJournal } from '../../journal/memory/journal.ts';
import type { Life } from './machine.ts';
import { type Schedule, whenDone } from './schedule.ts';

export interface WireParts {
  readonly life: Life;
  readonly journal: MemoryJournal;
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly faults: Faults;
  /** Until when the journal is slow. */
  readonly slowUntil: () => number;
  /** After an operation was carried out, in the same step. */
  readonly carriedOut: (name: string, args: readonly unknown[], result: unknown) => void;
  /** Runs of an append that is on its way: `true` when it leaves, `false` when its answer is there. */
  readonly appending: (batch: Batch, leaves: boolean) => void;
}

type Method = (...args: readonly unknown[]) => Promise<unknown>;

class Wire {
  readonly #parts: WireParts;

  constructor(parts: WireParts) {
    this.#parts = parts;
  }

  ask(name: string, args: readonly unknown[], carryOut: () => Promise<unknown>): Promise<unknown> {
    const { life, schedule, appending, faults, chance } = this.#parts;
    const batch = name === 'append' ? (args[1] as Batch) : undefined;
    if (batch !== undefined) appending(batch, true);
    if (batch !== undefined) this.#poison(batch);
    return new Promise((resolve, reject) => {
      schedule.after(this.#delay(), null, `${life.name} asks ${name}`, () => {
        // It takes several questions to become a node: who is dead comes to the first.
        if (!life.alive && (name === 'register' || chance.happens(0.5))) return;
        if (!life.alive) faults.seen('dead letter');
        this.#carryOut(name, args, carryOut, {
          resolve: (value) => {
            if (batch !== undefined) appending(batch, false);
            resolve(value);
          },
          reject,
        });
      });
    });
  }

  /** The database refuses what one run of the batch has to write. Twice, and it would be set aside. */
  #poison({ events }: Batch): void {
    const { faults, chance, journal } = this.#parts;
    const later = events.filter(({ run, seq }) => seq > 0 && !journal.poison.has(run));
    if (later.length === 0 || !faults.strikes('refused append')) return;
    const { run, seq } = chance.pick(later);
    journal.poison.set(run, seq);
  }

  #carryOut(
    name: string,
    args: readonly unknown[],
    carryOut: () => Promise<unknown>,
    answer: { resolve: (value: unknown) => void; reject: (error: unknown) => void },
  ): void {
    const { life, schedule, faults, carriedOut } = this.#parts;
    const after = (then: () => void) =>
      schedule.after(this.#delay(), life, `${life.name} hears of ${name}`, then);
    if (name === 'renew' && faults.strikes('lost renewal')) {
      after(() => answer.reject(new Error('the journal cannot be reached')));
      return;
    }
    void whenDone(
      carryOut(),
      (result) => {
        carriedOut(name, args, result);
        after(() => answer.resolve(result));
      },
      (error: unknown) => {
        carriedOut(name, args, error);
        after(() => answer.reject(error));
      },
    );
  }

  deliver(notification: Notification, receive: (notification: Notification) => void): void {
    const { life, schedule, faults } = this.#parts;
    const lost = faults.strikes('lost notification');
    // The connection was away: it comes back, and says that anything may have been missed.
    const received: Notification = lost ? { about: 'resync' } : notification;
    const ms = lost ? 500 + 2_000 * this.#parts.chance.next() : this.#delay();
    schedule.after(ms, life, `${life.name} receives ${received.about}`, () => receive(received));
  }

  #delay(): number {
    const { schedule, chance, faults, slowUntil } = this.#parts;
    const ms = 0.1 + chance.next();
    if (faults.strikes('late journal')) return ms + 6_000 * chance.next();
    return schedule.now < slowUntil() ? ms * 300 : ms;
  }
}

export function wired(parts: WireParts): Journal {
  const wire = new Wire(parts);
  const journal = parts.journal.beside();
  parts.life.farewell.push(() => void journal.close());
  const listen = (receive: (notification: Notification) => void): (() => void) =>
    journal.listen((notification: Notification) => wire.deliver(notification, receive));
  return through(wire, journal, '', { listen }) as Journal;
}

/** What answers with a promise goes over the wire; what holds such methods does so as well. */
function through(wire: Wire, target: object, prefix: string, own: object = {}): object {
  const inner = new Map<string | symbol, object>();
  return new Proxy(target, {
    get(of, name) {
      if (name in own) return Reflect.get(own, name) as unknown;
      const value: unknown = Reflect.get(of, name, of);
      const path = `${prefix}${String(name)}`;
      if (LOCAL.has(path)) return (value as Method).bind(of);
      if (PARTS.has(path)) {
        const part = inner.get(name) ?? through(wire, value as object, `${path}.`);
        inner.set(name, part);
        return part;
      }
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]) =>
        wire.ask(path, args, () => (value as Method).apply(of, [...args]));
    },
  });
}

const PARTS = new Set(['views', 'slots', 'bulks', 'retentions', 'requests']);
const LOCAL = new Set(['notify', 'stalls', 'close']);

export function leaseOf(args: readonly unknown[]): NodeLease {
  return args[0] as NodeLease;
}
