/**
 * No orphans: a file that nothing reaches is either forgotten or dead. Its own test does not
 * count, or dead code would be kept alive by the proof that it works.
 */
import { importsOf, targetOf } from './imports.ts';
import { type SourceFile, type Violation, isTest, violation } from './source.ts';

const ENTRY_ROOMS = /^(tests|bench|examples|docs)\//;

/** What package.json names in dist: `bin`, `exports` and scripts. */
export function entriesOf(manifest: string): Set<string> {
  const built = [...manifest.matchAll(/dist\/([\w/-]+)\.js/g)].map((hit) => `${hit[1]}.ts`);
  return new Set([...built, 'cli/main.ts', 'cli/tutti.js', 'vitest.config.ts']);
}

export function orphanViolations(
  files: readonly SourceFile[],
  entries: ReadonlySet<string>,
): Violation[] {
  const reached = new Set<string>();
  for (const file of files) {
    for (const { specifier } of importsOf(file)) {
      if (!specifier.startsWith('.')) continue;
      const target = targetOf(file.path, specifier);
      if (!isOwnTest(file.path, target)) reached.add(target);
    }
  }
  return files
    .filter(({ path }) => !isTest(path) && !ENTRY_ROOMS.test(path) && !entries.has(path))
    .filter(({ path }) => !reached.has(path))
    .map((file) =>
      violation(file, 0, 'is imported by nothing', 'what nobody uses, nobody notices breaking.'),
    );
}

function isOwnTest(test: string, target: string): boolean {
  return isTest(test) && test.replace(/(\.db)?\.test\.tsx?$/, '') === target.replace(/\.tsx?$/, '');
}
