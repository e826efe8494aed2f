/**
 * Which workflow runs which: a workflow that comes back to itself, directly or through others, would
 * begin child runs without end.
 */
import type { Definition } from '../model/definition.ts';
import type { Issue } from '../model/issue.ts';

/** A task that runs a workflow. */
interface Call {
  readonly task: string;
  readonly workflow: string;
}

function callsOf({ tasks }: Definition): readonly Call[] {
  return tasks.flatMap(({ name, body }) =>
    body.kind === 'workflow' ? [{ task: name, workflow: body.workflow }] : [],
  );
}

/** Gives the definition of a workflow as it would be, undefined when there is none. */
type FindDefinition = (
  workflow: string,
) => Definition | undefined | Promise<Definition | undefined>;

/** The first task of `definition` that comes back to it through others; the reader finds the direct ones. */
export async function recursionOf(
  definition: Definition,
  find: FindDefinition,
): Promise<Issue | undefined> {
  const { name } = definition;
  const seen = new Set([name]);
  for (const call of callsOf(definition)) {
    const way = await wayBack(call.workflow, name, find, seen);
    if (way === undefined) continue;
    const message = `the workflows call each other without end: ${[name, ...way].join(' → ')}`;
    const path = ['tasks', call.task, 'workflow'];
    return { code: 'workflow.recursive', message, path, at: 'value', hint: RECURSION_HINT };
  }
  return undefined;
}

export const RECURSION_HINT = 'use "each" for a list, "until" or "retry" to repeat';

/** From one workflow to another, the nearest first; nothing is looked at twice. */
async function wayBack(
  from: string,
  to: string,
  find: FindDefinition,
  seen: Set<string>,
): Promise<readonly string[] | undefined> {
  type Step = { readonly workflow: string; readonly way: readonly string[] };
  let front: Step[] = seen.has(from) ? [] : [{ workflow: from, way: [from] }];
  seen.add(from);
  while (front.length > 0) {
    const next: Step[] = [];
    for (const { workflow: last, way } of front) {
      const definition = await find(last);
      for (const { workflow } of definition === undefined ? [] : callsOf(definition)) {
        if (workflow === to) return [...way, to];
        if (seen.has(workflow)) continue;
        seen.add(workflow);
        next.push({ workflow, way: [...way, workflow] });
      }
    }
    front = next;
  }
  return undefined;
}

/**
 * The order in which several may be deployed one after the other without a recursion between new
 * and old ones: whoever is run stands before whoever runs it.
 */
export function calledFirst(definitions: readonly Definition[]): readonly Definition[] {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const done = new Set<Definition>();
  const open = definitions.map((definition) => ({ definition, calledFirst: false })).toReversed();
  const begun = new Set<Definition>();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { definition } = next;
    if (next.calledFirst) done.add(definition);
    if (next.calledFirst || begun.has(definition)) continue;
    begun.add(definition);
    open.push({ definition, calledFirst: true });
    for (const { workflow } of callsOf(definition)) {
      const called = byName.get(workflow);
      if (called !== undefined && !begun.has(called))
        open.push({ definition: called, calledFirst: false });
    }
  }
  return [...done];
}
