/** Reading a workflow file without keeping it: what `tutti validate` and `POST /validate` say. */
import { readWorkflow } from '../model/read.ts';
import type { ActionCatalogue } from '../model/action.ts';
import type { Validated } from '../model/wire.ts';

export function validateSource(
  source: string,
  file: string | undefined,
  actions: ActionCatalogue,
): Validated {
  const { definition, problems } = readWorkflow(source, {
    actions,
    ...(file === undefined ? {} : { file }),
  });
  return {
    valid: problems.length === 0 && definition !== null,
    workflow: definition?.name ?? null,
    problems,
  };
}
