/** Workflows that declare pools, pools of their own, and who wants a slot. */
import type { Definition } from '../model/definition.ts';
import { runId } from './rows.fixture.ts';

const by = { actor: 'tester' };

export function version(workflow: string, pools: Record<string, number>) {
  const definition: Definition = { name: workflow, inputs: {}, tasks: [], edges: [], pools };
  return { workflow, definition, source: JSON.stringify(pools), directory: '', deployedAt: 0, by };
}

export function document(name: string, slots: number, deployedAt = 1) {
  return {
    pool: { name, slots, title: 'Licences' },
    source: `${name} ${slots}`,
    deployedAt,
    by,
  };
}

export const want = (run: number, pool: string) => ({
  run: runId(run),
  task: 't',
  attempt: 1,
  slots: { [pool]: 1 },
});
