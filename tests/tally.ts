/**
 * A vitest reporter that writes what `tests/run.js` adds up: counts, failures, and each skipped
 * test with its reason. An error that no test caught, and a file that could not be read, count
 * as failures: a run that broke is not a run that passed.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { NEEDS } from './requires.ts';

export interface Tally {
  readonly passed: number;
  readonly failures: readonly string[];
  readonly skipped: readonly string[];
}

export function tallyOf(modules: readonly TestModule[], errors: readonly unknown[]): Tally {
  const cases = modules.flatMap((module) => [...module.children.allTests()]);
  const inState = (state: string): TestCase[] =>
    cases.filter((test) => test.result().state === state);
  const unread = modules.filter((module) => module.errors().length > 0);
  return {
    passed: inState('passed').length,
    failures: [
      ...inState('failed').map(titleOf),
      // What was collected and never ran, e.g. below a `beforeAll` that failed.
      ...inState('pending').map((test) => `${titleOf(test)} (did not run)`),
      ...unread.map((module) => `${module.relativeModuleId} (could not be read)`),
      ...modules.flatMap(brokenSuites),
      ...errors.map((error) => `unhandled: ${messageOf(error)}`),
    ],
    skipped: inState('skipped').map(titleOf),
  };
}

/** Suites whose hooks failed. */
function brokenSuites(module: TestModule): string[] {
  return [...module.children.allSuites()]
    .filter((suite) => suite.errors().length > 0)
    .map((suite) => `${module.relativeModuleId} > ${suite.fullName} (its set-up failed)`);
}

function titleOf(test: TestCase): string {
  const note = test.result();
  const said = note.state === 'skipped' && note.note !== undefined ? `${NEEDS}${note.note}` : '';
  return `${test.module.relativeModuleId} > ${test.fullName}${said}`;
}

function messageOf(error: unknown): string {
  const holds = typeof error === 'object' && error !== null && 'message' in error;
  return holds ? String(error.message) : String(error);
}

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const file = process.env['TUTTI_TALLY'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(tallyOf(modules, errors)));
  }
}
