import { expect, it } from 'vitest';
import { besideViolations } from './beside.ts';

const whats = (files: readonly string[], proven: readonly string[]): string[] =>
  besideViolations(files, proven).map(({ path, what }) => `${path} ${what}`);

it('finds files whose test is gone, renamed files, and tests that are not listed yet', () => {
  const files = ['engine/a.ts', 'engine/a.test.ts', 'engine/b.ts', 'engine/x/c.ts'];
  expect(whats(files, ['engine/a.ts'])).toEqual([]);
  expect(whats(files, ['engine/a.ts', 'engine/b.ts', 'engine/d.ts'])).toEqual([
    'engine/b.ts lacks a test of its own name',
    'engine/d.ts is not there: the list names it by its new name',
  ]);
  expect(whats([...files, 'engine/x/c.test.ts', 'engine/x/c.fixture.ts'], ['engine/a.ts'])).toEqual(
    ['engine/x/c.ts has a test: add it to the list'],
  );
  expect(whats(['api/a.ts', 'api/a.test.ts'], [])).toEqual([]);
});
