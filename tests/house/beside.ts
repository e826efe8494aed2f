/**
 * Files of the engine whose proof stands beside them. The laws and the simulator drive the whole engine;
 * who looks at one of these files wants to see what it alone promises. The list may only grow: a file that
 * is renamed keeps its place in it under the new name, and so does its test.
 */
import type { Violation } from './source.ts';

export const PROVEN: readonly string[] = [
  'engine/alarms.ts',
  'engine/attempts/asking.ts',
  'engine/attempts/child-runs.ts',
  'engine/attempts/dispatcher.ts',
  'engine/attempts/lanes.ts',
  'engine/attempts/log-writer.ts',
  'engine/attempts/pools.ts',
  'engine/attempts/reconciler.ts',
  'engine/attempts/reports.ts',
  'engine/attempts/running-attempts.ts',
  'engine/cluster/claims.ts',
  'engine/cluster/judgement.ts',
  'engine/cluster/lease-keeper.ts',
  'engine/cluster/waker.ts',
  'engine/door/courier.ts',
  'engine/door/errands.ts',
  'engine/door/retentions.ts',
  'engine/lifecycle.ts',
  'engine/runs/admission.ts',
  'engine/runs/live-run.ts',
  'engine/runs/pipeline.ts',
  'engine/runs/run-gate.ts',
  'engine/runs/run-watchers.ts',
  'engine/runs/versions.ts',
];

/** `files`: all paths of the repository. What of the engine has a test of its own name is in the list. */
export function besideViolations(
  files: readonly string[],
  proven: readonly string[] = PROVEN,
): Violation[] {
  const there = new Set(files);
  const because = 'who looks at a file finds its proof beside it: tests/house/beside.ts.';
  const say = (path: string, what: string): Violation => ({ path, line: 1, what, because });
  const lost = proven.flatMap((path) => {
    if (!there.has(path)) return [say(path, 'is not there: the list names it by its new name')];
    return there.has(testOf(path)) ? [] : [say(path, 'lacks a test of its own name')];
  });
  const unlisted = files
    .filter((path) => path.startsWith('engine/'))
    .filter((path) => there.has(testOf(path)) && !proven.includes(path));
  return [...lost, ...unlisted.map((path) => say(path, 'has a test: add it to the list'))];
}

function testOf(path: string): string {
  return path.replace(/\.ts$/, '.test.ts');
}
