/**
 * Runs that a reader asks for and that are not in memory here: folded from the journal. Who
 * reads a large one page by page would fold it once for each, so the last of them are kept for a
 * while, for as long as nothing more is written of them.
 */
import type { Journal } from '../../journal/journal.ts';
import { isAside } from './absence.ts';
import type { Clock } from '../clock.ts';
import { foldOf, Unfoldable } from './fold.ts';
import type { LiveRun } from './live-run.ts';
import type { Versions } from './versions.ts';

export interface Reading {
  readonly run: LiveRun;
  /** It is the one in its owner's memory. */
  readonly live: boolean;
  /** Why it is set aside. */
  readonly aside?: string;
}

/** Nodes: to fold fewer costs less than to look whether more has been written. */
const LARGE = 500;
const KEPT = 2;
const KEPT_MS = 10_000;

interface ShelfParts {
  readonly journal: Journal;
  readonly versions: Versions;
  readonly clock: Clock;
}

export class Shelf {
  readonly #parts: ShelfParts;
  readonly #kept = new Map<string, { readonly run: LiveRun; readonly until: number }>();

  constructor(parts: ShelfParts) {
    this.#parts = parts;
  }

  async read(id: string): Promise<Reading | null> {
    const kept = await this.#find(id);
    if (kept !== undefined) return { run: kept, live: false };
    const { journal, versions, clock } = this.#parts;
    const stored = await journal.load(id);
    if (stored === null) return null;
    try {
      const run = await foldOf(stored, versions, clock);
      const { aside } = stored.summary;
      if (aside !== undefined) return { run, live: false, aside };
      this.#keep(run);
      return { run, live: false };
    } catch (error) {
      if (error instanceof Unfoldable) throw isAside(id, stored.summary.aside ?? error.message);
      throw error;
    }
  }

  /** Of one that runs on some node, that node is asked: only what rests is kept. */
  #keep(run: LiveRun): void {
    const rests = run.state.end !== undefined || run.row.wakeAt !== null;
    if (!rests || run.state.nodes.length < LARGE) return;
    const { clock } = this.#parts;
    this.#kept.delete(run.id);
    const kept = { run, until: clock.elapsed() + KEPT_MS };
    this.#kept.set(run.id, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    clock.after(KEPT_MS, () => {
      if (this.#kept.get(run.id) === kept) this.#kept.delete(run.id);
    });
  }

  async #find(id: string): Promise<LiveRun | undefined> {
    const kept = this.#kept.get(id);
    if (kept === undefined || kept.until < this.#parts.clock.elapsed()) return undefined;
    const { views } = this.#parts.journal;
    const [last, ...more] = await views.events(id, kept.run.durable - 2, 2);
    const summary = await views.run(id);
    const same = last !== undefined && more.length === 0 && summary?.aside === undefined;
    if (!same) this.#kept.delete(id);
    return same && summary !== null ? kept.run : undefined;
  }
}
