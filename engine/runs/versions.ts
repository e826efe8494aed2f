/**
 * Versions of workflows in memory. A version never changes, so it is fetched once; the kernel
 * is given versions as values and never waits for one.
 */
import type { Journal } from '../../journal/journal.ts';
import type { VersionRow } from '../../journal/versions.ts';
import { type PreparedVersion, preparing, type VersionLookup } from '../../kernel/run/machine.ts';
import type { Definition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import { inTurns } from '../../model/portions.ts';
import { type Clock, turn } from '../clock.ts';

const MOST_VERSIONS = 5_000;

interface Loaded {
  readonly row: VersionRow;
  readonly prepared: PreparedVersion;
}

export class Versions {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #byNumber = new Map<string, Loaded>();
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
      version === null
        ? this.#newest.get(workflow)
        : this.#byNumber.get(keyOf(workflow, version))?.row;
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
    const prepared = await prepare(fetched.definition, this.#clock);
    if (this.#byNumber.size > MOST_VERSIONS) this.#byNumber.clear();
    const loaded = this.#byNumber.get(key) ?? { row: fetched, prepared };
    this.#byNumber.set(key, loaded);
    const { row } = loaded;
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
  readonly prepared: VersionLookup = (workflow, version) =>
    this.#byNumber.get(keyOf(workflow, version))?.prepared ??
    bug(`${workflow} ${version} was not fetched`);
}

/** Makes a version ready before a run needs it; others have their turn meanwhile. */
function prepare(definition: Definition, clock: Clock): Promise<PreparedVersion> {
  return inTurns(preparing(definition), () => turn(clock));
}

function keyOf(workflow: string, version: number | null): string {
  return `${workflow}@${version ?? 'newest'}`;
}
