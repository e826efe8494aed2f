/**
 * What goes wrong, drawn by the seed and counted by kind. Each seed has its own weather: some
 * kinds do not occur at all, others often, so that rare combinations have their turn.
 */
import type { Chance } from '../chaos/chance.ts';

/** How often each kind strikes, of the occasions that it has, in fair weather. */
const ODDS = {
  /** Occasion: a step. */
  crash: 1 / 500,
  hang: 1 / 600,
  restart: 1 / 1_500,
  'clock jump': 1 / 300,
  'slow journal': 1 / 800,
  /** Occasion: a request to a system. */
  'lost request': 1 / 40,
  'lost reply': 1 / 30,
  'late reply': 1 / 40,
  'duplicate delivery': 1 / 20,
  unreachable: 1 / 25,
  /** Occasion: a call that is to stop. */
  'deaf call': 1 / 6,
  /** Occasion: a message between a node and the journal. */
  'late journal': 1 / 120,
  'lost renewal': 1 / 20,
  'refused append': 1 / 100,
  'lost notification': 1 / 6,
  /** Occasion: a timer. */
  'early timer': 1 / 50,
  /** Occasion: a command. */
  'repeated command': 1 / 12,
  'key conflict': 1 / 8,
  /** Occasion: a forwarded command. */
  'lost forward': 1 / 15,
} as const;

export type Fault = keyof typeof ODDS;

/** Not drawn: they follow from the others. */
const SEEN = ['fenced node', 'key exists', 'doubtful append', 'dead letter'] as const;
export type Seen = (typeof SEEN)[number];

export const FAULTS: readonly (Fault | Seen)[] = [...(Object.keys(ODDS) as Fault[]), ...SEEN];

export type Counts = Map<Fault | Seen, number>;

export class Faults {
  readonly counts: Counts = new Map();
  readonly #rates = new Map<Fault, number>();
  readonly #chance: Chance;
  /** Only in the storm anything goes wrong. */
  #over = true;

  constructor(chance: Chance) {
    this.#chance = chance;
    for (const kind of Object.keys(ODDS) as Fault[]) {
      const weather = chance.happens(0.25) ? 0 : 0.3 + 2 * chance.next();
      this.#rates.set(kind, ODDS[kind] * weather);
    }
  }

  strikes(kind: Fault): boolean {
    if (this.#over || !this.#chance.happens(this.#rates.get(kind) ?? 0)) return false;
    this.seen(kind);
    return true;
  }

  seen(kind: Fault | Seen): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  begin(): void {
    this.#over = false;
  }

  /** From now on everything works. */
  end(): void {
    this.#over = true;
  }
}
