/**
 * Several files that are given at once count together: what one of them says of a workflow holds
 * for all, whatever is deployed under that name.
 */
import { calledFirst, recursionOf } from '../language/calls.ts';
import type { Definition } from '../model/definition.ts';
import { isPrivate } from '../model/pool.ts';
import { readWorkflow } from '../language/read.ts';
import type { Issue } from '../model/issue.ts';
import { HINTS_SOUGHT } from '../model/mistakes.ts';
import { didYouMean } from '../model/suggestion.ts';

interface File {
  readonly source: string;
}

/** Those that can be read, by file. */
function definitionsOf<F extends File>(files: readonly F[]): ReadonlyMap<F, Definition> {
  return new Map(
    files.flatMap((file) => {
      const { definition } = readWorkflow(file.source);
      return definition === null ? [] : [[file, definition] as const];
    }),
  );
}

/** The connectors that the files name in their actions; undefined where a file cannot be read. */
export function connectorsOf(files: readonly File[]): ReadonlySet<string> | undefined {
  const definitions = definitionsOf(files);
  if (definitions.size < files.length) return undefined;
  const tasks = [...definitions.values()].flatMap((definition) => definition.tasks);
  return new Set(
    tasks.flatMap(({ body }) => (body.kind === 'action' ? (body.action.split('.')[0] ?? []) : [])),
  );
}

/** By file: what is wrong with it beside the others. */
export async function besideEachOther<F extends File>(
  files: readonly F[],
): Promise<ReadonlyMap<F, readonly Issue[]>> {
  const definitions = definitionsOf(files);
  const byName = new Map([...definitions.values()].map((each) => [each.name, each]));
  const issues = new Map<F, readonly Issue[]>();
  for (const [file, definition] of definitions) {
    const recursion = await recursionOf(definition, (workflow) => byName.get(workflow));
    if (recursion !== undefined) issues.set(file, [recursion]);
  }
  return issues;
}

/** In the order in which they can be deployed: pools first, and what cannot be read, and is refused. */
export function inOrder<F extends File>(files: readonly F[]): readonly F[] {
  const definitions = definitionsOf(files);
  const fileOf = new Map([...definitions].map(([file, definition]) => [definition, file]));
  const ordered = calledFirst([...definitions.values()]);
  return [
    ...files.filter((file) => !definitions.has(file)),
    ...ordered.flatMap((definition) => fileOf.get(definition) ?? []),
  ];
}

/** By file: what is worth knowing of its pools beside the others. */
export function notesOn<F extends File>(files: readonly F[]): ReadonlyMap<F, readonly string[]> {
  const definitions = definitionsOf(files);
  const shared = new Set(files.flatMap(({ source }) => readWorkflow(source).pool?.name ?? []));
  const declared = new Map<string, string[]>();
  for (const { name, pools } of definitions.values())
    for (const pool of Object.keys(pools))
      declared.set(pool, [...(declared.get(pool) ?? []), name]);
  return new Map(
    [...definitions].map(([file, definition]) => {
      const own = Object.keys(definition.pools).flatMap((pool) => {
        const others = (declared.get(pool) ?? []).filter((name) => name !== definition.name);
        if (others.length === 0) return [];
        return `each has a pool "${pool}" of its own: ${[definition.name, ...others].join(', ')}; to share one, deploy a file with "pool: ${pool}" and "slots: N"`;
      });
      const used = definition.tasks.flatMap(({ pools }) => Object.keys(pools ?? {}));
      const unknown = [...new Set(used)].filter((pool) => !isPrivate(pool) && !shared.has(pool));
      const names = [...Object.keys(definition.pools), ...shared];
      const asked = unknown.map((pool, at) => {
        const hint = at < HINTS_SOUGHT ? didYouMean(pool, names) : undefined;
        const words = `the shared pool "${pool}" is in none of these files; deploy says whether it is there`;
        return hint === undefined ? words : `${words}; ${hint}`;
      });
      return [file, [...own, ...asked]] as const;
    }),
  );
}
