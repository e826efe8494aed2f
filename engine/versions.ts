/**
 * Versions of workflows in memory. A version never changes, so it is fetched once; the kernel
 * is given definitions as values and never waits for one.
 */
import type { Journal, VersionRow } from '../journal/journal.ts';
import type { Definitions } from '../kernel/context.ts';
import type { Definition } from '../model/definition.ts';
import { bug } from '../model/errors.ts';

const MOST_VERSIONS = 5_000;

export class Versions {
  readonly #journal: Journal;
  readonly #byNumber = new Map<string, VersionRow>();
  readonly #newest = new Map<string, VersionRow>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The version asked for, or the newest one; null when there is none. */
  async get(workflow: string, version: number | null): Promise<VersionRow | null> {
    const known =
      version === null ? this.#newest.get(workflow) : this.#byNumber.get(`${workflow}@${version}`);
    if (known !== undefined) return known;
    const row = await this.#journal.version(workflow, version);
    if (row === null) return null;
    if (this.#byNumber.size > MOST_VERSIONS) this.#byNumber.clear();
    this.#byNumber.set(`${workflow}@${row.version}`, row);
    if (version === null) this.#newest.set(workflow, row);
    return row;
  }

  /** After a deployment the newest version is looked up again. */
  forget(workflow: string): void {
    this.#newest.delete(workflow);
  }

  /** For the kernel: versions that `get` has fetched. */
  readonly definitions: Definitions = (workflow, version): Definition =>
    this.#byNumber.get(`${workflow}@${version}`)?.definition ??
    bug(`${workflow} ${version} was not fetched`);
}
