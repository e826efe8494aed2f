/**
 * The document of a pool that several workflows share, and what a workflow may say of pools:
 *
 *   pool: licence
 *   slots: 2
 */
import type { Definition, TaskDefinition } from '../model/definition.ts';
import type { Issue, Report } from '../model/issue.ts';
import { Mistakes } from '../model/mistakes.ts';
import { didYouMean } from '../model/suggestion.ts';
import { isPrivate, type SharedPool } from '../model/pool.ts';
import { name, text, whole } from './workflow.ts';

const MOST_SLOTS = 1_000_000;

export const poolShape = {
  $schema: text('an address').optional().describe('Address of this schema, for editors'),
  pool: name.describe('Name of the pool'),
  slots: whole(1, MOST_SLOTS).describe('How many slots it has'),
  title: text('a text').optional().describe('The name that people see'),
  description: text('a text').optional().describe('What it is for'),
  owner: text('a text').optional().describe('Who answers for it'),
} as const;

/** What is wrong with the pools of a workflow beside the shared ones. */
export function poolIssues(
  { name: workflow, pools, tasks }: Definition,
  shared: ReadonlyMap<string, SharedPool>,
): readonly Issue[] {
  const mistakes = new Mistakes();
  const { report } = mistakes;
  for (const pool of Object.keys(pools)) {
    const before = shared.get(pool);
    if (before === undefined || !before.sharedBy.includes(workflow)) continue;
    const message = `pool "${pool}" was shared by ${before.sharedBy.join(' and ')} until now, and "pools" is private to its workflow`;
    const document = before.isDocument
      ? `the shared pool "${pool}" is deployed: remove it here`
      : `deploy a file with "pool: ${pool}" and "slots: ${before.slots}", and remove it here`;
    const hint = `${document}; or give a private one another name`;
    report({ code: 'pool.shared', message, path: ['pools', pool], at: 'key', hint });
  }
  const names = [...Object.keys(pools), ...shared.keys()];
  for (const task of tasks) reportPools(task, names, shared, report);
  return mistakes.all();
}

function reportPools(
  task: TaskDefinition,
  names: readonly string[],
  shared: ReadonlyMap<string, SharedPool>,
  report: Report,
): void {
  for (const [pool, slots] of Object.entries(task.pools ?? {})) {
    if (isPrivate(pool)) continue;
    const found = shared.get(pool);
    const path = ['tasks', task.name, 'pool', pool];
    if (found === undefined) {
      const message = `there is no pool "${pool}", neither in "pools" nor as a document`;
      const hint = () =>
        didYouMean(pool, names) ??
        `declare it (pools: { ${pool}: 4 }), or deploy a file with "pool: ${pool}" and "slots: 4" to share it`;
      report({ code: 'pool.unknown', message, path, hint });
    } else if (slots > found.slots) {
      const message = `wants ${slots} slots, but the pool "${pool}" has ${found.slots}`;
      report({ code: 'field.value', message, path });
    }
  }
}
