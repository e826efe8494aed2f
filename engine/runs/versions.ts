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
  /** Those that were asked for least recently come first. */
  readonly #byNumber = new Map<string, Loaded>();
  /** The number of the newest version of each workflow. */
  readonly #newest = new Map<string, number>();
  readonly #asked = new Map<string, Promise<VersionRow | null>>();

  #deployments = 0;

  readonly #most: number;

  constructor(journal: Journal, clock: Clock, most = MOST_VERSIONS) {
    this.#journal = journal;
    this.#clock = clock;
    this.#most = most;
  }

  /** The version asked for, or the newest one; null when there is none. */
  get(workflow: string, version: number | null): Promise<VersionRow | null> {
    const number = version ?? this.#newest.get(workflow);
    const known = number === undefined ? undefined : this.#recall(keyOf(workflow, number));
    if (known !== undefined) return Promise.resolve(known);
    // A thousand runs that start at once ask once, and share one definition.
    const key = keyOf(workflow, version);
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    const asking = this.#fetch(workflow, version).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asking);
    return asking;
  }

  #recall(key: string): VersionRow | undefined {
    const loaded = this.#byNumber.get(key);
    if (loaded === undefined) return undefined;
    // While there is room for many more, the order says nothing yet.
    if (this.#byNumber.size > this.#most / 2) {
      this.#byNumber.delete(key);
      this.#byNumber.set(key, loaded);
    }
    return loaded.row;
  }

  async #fetch(workflow: string, version: number | null): Promise<VersionRow | null> {
    const deployments = this.#deployments;
    const fetched = await this.#journal.version(workflow, version);
    if (fetched === null) return null;
    const key = keyOf(workflow, fetched.version);
    const prepared = await prepare(fetched.definition, this.#clock);
    const loaded = this.#byNumber.get(key) ?? { row: fetched, prepared };
    this.#byNumber.set(key, loaded);
    const [oldest] = this.#byNumber.keys();
    if (this.#byNumber.size > this.#most && oldest !== undefined) this.#byNumber.delete(oldest);
    const { row } = loaded;
    // A deployment meanwhile: this may not be the newest any more.
    if (version === null && deployments === this.#deployments)
      this.#newest.set(workflow, row.version);
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
