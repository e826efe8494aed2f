/** Reading a workflow file without keeping it: what `tutti validate` and `POST /validate` say. */
import { type ReadResult, readWorkflow } from '../language/read.ts';
import type { ActionCatalogue } from '../model/action.ts';
import type { Issue } from '../model/issue.ts';
import type { Validated } from '../protocol/workflows.ts';

export function validateSource(
  source: string,
  file: string | undefined,
  actions: ActionCatalogue,
  found: readonly Issue[] = [],
): Validated {
  return validated(
    readWorkflow(source, { actions, found, ...(file === undefined ? {} : { file }) }),
  );
}

export function validated({ definition, pool, problems }: ReadResult): Validated {
  return {
    valid: problems.length === 0 && (definition !== null || pool !== undefined),
    workflow: definition?.name ?? null,
    problems,
  };
}
