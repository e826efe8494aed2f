/**
 * Mistakes as they are found: so many as anybody reads, those beyond are counted. What a mistake
 * costs is bounded too: a hint that must be searched for is searched for the first of them only.
 */
import type { Issue, Report } from './issue.ts';

export const MISTAKES_SHOWN = 1_000;
export const HINTS_SOUGHT = 20;

export class Mistakes {
  readonly #shown: Issue[] = [];
  #count = 0;
  #sought = 0;

  readonly report: Report = ({ hint, ...issue }) => {
    this.#count += 1;
    if (this.#count > MISTAKES_SHOWN) return;
    this.#shown.push({ at: 'value', ...issue, hint: this.#sentence(hint) });
  };

  /** In the order in which they were found; the last says how many more there are. */
  all(): readonly Issue[] {
    if (this.#count <= MISTAKES_SHOWN) return this.#shown;
    const message = `there are ${this.#count - MISTAKES_SHOWN} more errors`;
    return [...this.#shown, { code: 'source.limit', message, path: [], at: 'value' }];
  }

  #sentence(hint: Parameters<Report>[0]['hint']): string | undefined {
    if (typeof hint !== 'function') return hint;
    this.#sought += 1;
    return this.#sought > HINTS_SOUGHT ? undefined : hint();
  }
}
