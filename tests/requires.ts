/**
 * Tests that need something real beside Tutti (a PostgreSQL of the machine, an SSH server, a
 * browser) say so here. Where it is missing, the chapter is skipped and the summary says why;
 * in CI (`CI=true`) a missing requirement is a failure, so that nothing is skipped for ever.
 */
import { describe, it } from 'vitest';

/** The words that the summary looks for in a chapter's title. */
export const NEEDS = ' · needs ';

/**
 * `describe` for a chapter that needs `name`. `why` says, when it is not present, what was looked
 * for and how to get it.
 */
export function requires(
  name: string,
  present: boolean,
  why: string,
): (title: string, chapter: () => void) => void {
  return (title, chapter) => {
    if (present) {
      describe(title, chapter);
    } else if (isCi()) {
      describe(title, () => {
        it(`finds ${name}`, () => {
          throw new Error(`${name} is missing, and CI must have it: ${why}`);
        });
      });
    } else {
      describe.skip(`${title}${NEEDS}${name}: ${why}`, chapter);
    }
  };
}

function isCi(): boolean {
  const value = process.env['CI'] ?? '';
  return value !== '' && value !== 'false' && value !== '0';
}
