/**
 * Versions of workflows in memory. A version never changes, so it is fetched once; the kernel
 * is given definitions as values and never waits for one.
 */
import type { Journal } from '../../journal/journal.ts';
import type { VersionRow } from '../../journal/versions.ts';
import { type Definitions, makingGraph } from '../../kernel/run/machine.ts';
import type { Definition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import { type Clock, turn } from '../clock.ts';

const MOST_VERSIONS = 5_000;

export class Versions {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #byNumber = new Map<string, VersionRow>();
  readonly #newest = new Map<string, VersionRow>();
  readonly #asked = new Map<string, Promise<VersionRow | null>>();

  #deployments = 0;

  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** The version asked for, or the newest one; null when there is none. */
  get(workflow: string, version: number | null): Promise<VersionRow | null> {
    const known =
      version === null ? this.#newest.get(workflow) : this.#byNumber.get(keyOf(workflow, version));
    if (known !== undefined) return Promise.resolve(known);
    // A thousand runs that start at once ask once, and share one definition.
    const key = keyOf(workflow, version);
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    const asking = this.#fetch(workflow, version).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asking);
    return asking;
  }

  async #fetch(workflow: string, version: number | null): Promise<VersionRow | null> {
    const deployments = this.#deployments;
    const fetched = await this.#journal.version(workflow, version);
    if (fetched === null) return null;
    const key = keyOf(workflow, fetched.version);
    await prepare(fetched.definition, this.#clock);
    if (this.#byNumber.size > MOST_VERSIONS) this.#byNumber.clear();
    const row = this.#byNumber.get(key) ?? fetched;
    this.#byNumber.set(key, row);
    // A deployment meanwhile: this may not be the newest any more.
    if (version === null && deployments === this.#deployments) this.#newest.set(workflow, row);
    return row;
  }

  /** After a deployment the newest version is looked up again. */
  forget(workflow: string): void {
    this.#deployments += 1;
    this.#newest.delete(workflow);
    this.#asked.delete(keyOf(workflow, null));
  }

  /** Deployments may have been missed. */
  forgetAll(): void {
    for (const workflow of this.#newest.keys()) this.forget(workflow);
  }

  /** For the kernel: versions that `get` has fetched. */
  readonly definitions: Definitions = (workflow, version): Definition =>
    this.#byNumber.get(keyOf(workflow, version))?.definition ??
    bug(`${workflow} ${version} was not fetched`);
}

/** Makes the graph of a version before a run needs it; others have their turn meanwhile. */
async function prepare(definition: Definition, clock: Clock): Promise<void> {
  const making = makingGraph(definition);
  while (making.next().done !== true) await turn(clock);
}

function keyOf(workflow: string, version: number | null): string {
  return `${workflow}@${version ?? 'newest'}`;
}
