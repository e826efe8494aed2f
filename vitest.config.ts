/**
 * Three groups of tests, one after the other, on as few as two cores:
 *
 * - `pure`  model, language, protocol, kernel and the house law: nothing to isolate, so workers are reused
 * - `unit`  the rest that needs no database
 * - `db`    what needs PostgreSQL or the whole house (`*.db.test.ts`, `tests/end-to-end`): one
 *           file at a time, or two servers would compete for the cores that they are timed on
 */
import { defineConfig } from 'vitest/config';
import { mutation } from './tests/simulation/mutation.ts';

// Containers and CI run the tests as root, and Tutti with them: said here, for their own folders only.
process.env['TUTTI_ALLOW_ROOT'] ??= '1';

const NEVER = ['**/node_modules/**', 'dist/**'];
const PURE = [
  '{model,language,protocol,kernel}/**/*.test.ts',
  'tests/house.test.ts',
  'tests/house/**/*.test.ts',
];
const DB = ['**/*.db.test.ts', 'tests/end-to-end/**/*.test.ts'];

export default defineConfig({
  test: {
    pool: 'threads',
    maxWorkers: 2,
    dangerouslyIgnoreUnhandledErrors: false,
    passWithNoTests: false,
    projects: [
      {
        test: {
          name: 'pure',
          include: PURE,
          exclude: [...NEVER, ...DB],
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [mutation()],
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...NEVER, ...PURE, ...DB],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'db',
          include: DB,
          exclude: NEVER,
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
