/**
 * Runs as the journal has them: fetched, claimed where no living node has them, and folded. What
 * cannot be folded is set aside, so that one run does not stop the others.
 */
import type { Journal } from '../../journal/journal.ts';
import type { StoredRun } from '../../journal/runs.ts';
import { TuttiError } from '../../model/errors.ts';
import { Wait } from '../../model/wait-for.ts';
import type { Clock } from '../clock.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import { Elsewhere, isAside } from './absence.ts';
import { foldOf, Unfoldable } from './fold.ts';
import type { LiveRun, OnDurable } from './live-run.ts';
import { type Reading, Shelf } from './shelf.ts';
import type { Versions } from './versions.ts';

interface RunLoaderParts {
  readonly journal: Journal;
  readonly versions: Versions;
  readonly clock: Clock;
  readonly identity: NodeIdentity;
  readonly observer: Observer | undefined;
}

export class RunLoader {
  readonly #parts: RunLoaderParts;
  readonly #shelf: Shelf;
  /** Starts for which there was no capacity, until they are written. */
  readonly #givenAway = new Map<string, Promise<void>>();

  constructor(parts: RunLoaderParts) {
    this.#parts = parts;
    this.#shelf = new Shelf(parts);
  }

  /** A start is written without an owner. Should this node claim it after all, then not before that is written. */
  giveAway(id: string, onDurable: OnDurable): OnDurable {
    const written = new Wait();
    this.#givenAway.set(id, written.over);
    return (error) => {
      this.#givenAway.delete(id);
      written.end();
      onDurable(error);
    };
  }

  /** A run of this node, claimed if no living node has it; null when there is no such run. */
  async fetch(id: string): Promise<StoredRun | null> {
    const { journal, identity, observer } = this.#parts;
    const stored = await journal.load(id);
    if (stored?.summary.aside !== undefined) throw isAside(id, stored.summary.aside);
    if (stored === null || stored.owner === identity.lease.node) return stored;
    const claimed = await journal.claimRun(identity.lease, id);
    if (claimed === null) return null;
    if (claimed !== 'mine') return this.#isNotMine(id, claimed.owner);
    observer?.noted({ is: 'claimed', runs: 1 });
    // What stands there may be older than the claim: until then another node could write.
    return journal.load(id);
  }

  /** Many in one question, whoever has them. */
  async fetchMany(ids: readonly string[]): Promise<ReadonlyMap<string, StoredRun>> {
    if (ids.length === 0) return new Map();
    return new Map((await this.#parts.journal.loadMany(ids)).map((run) => [run.summary.id, run]));
  }

  /** Throws unless this node has the run. */
  confirmMine({ summary, owner }: StoredRun): void {
    if (owner !== this.#parts.identity.lease.node) this.#isNotMine(summary.id, owner);
  }

  #isNotMine(id: string, owner: number | null): never {
    // Ours by name only: this process has been fenced and another one took its place.
    if (owner === this.#parts.identity.lease.node || owner === null)
      throw new TuttiError('node.fenced');
    throw new Elsewhere(id, owner);
  }

  async fold(stored: StoredRun): Promise<LiveRun> {
    const { id, aside } = stored.summary;
    await this.#givenAway.get(id);
    if (aside !== undefined) throw isAside(id, aside);
    try {
      return await foldOf(stored, this.#parts.versions, this.#parts.clock);
    } catch (error) {
      if (!(error instanceof Unfoldable)) throw error;
      await this.setAside(id, error.message);
      throw isAside(id, error.message);
    }
  }

  /** From now on no node touches the run, until an operator repairs it. */
  async setAside(id: string, reason: string): Promise<void> {
    const { journal, identity, observer } = this.#parts;
    await journal.setAside(identity.lease, id, reason);
    observer?.noted({ is: 'set-aside', run: id, reason });
  }

  /** The run is this node's again; false when it is not set aside any more. */
  reinstate(id: string): Promise<boolean> {
    return this.#parts.journal.reinstate(this.#parts.identity.lease, id);
  }

  /** The fold of a run that stays where it is. */
  read(id: string): Promise<Reading | null> {
    return this.#shelf.read(id);
  }
}
