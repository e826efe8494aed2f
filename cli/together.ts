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

/** What the files hold, read once. */
export class Together<F extends File> {
  readonly #files: readonly F[];
  /** Of those that can be read. */
  readonly #definitions: ReadonlyMap<F, Definition>;
  readonly #pools: ReadonlySet<string>;

  constructor(files: readonly F[]) {
    const read = files.map((file) => [file, readWorkflow(file.source)] as const);
    this.#files = files;
    this.#definitions = new Map(
      read.flatMap(([file, { definition }]) => (definition === null ? [] : [[file, definition]])),
    );
    this.#pools = new Set(read.flatMap(([, { pool }]) => pool?.name ?? []));
  }

  /** The connectors that the files name in their actions; undefined where a file cannot be read. */
  connectors(): ReadonlySet<string> | undefined {
    if (this.#definitions.size < this.#files.length) return undefined;
    const tasks = [...this.#definitions.values()].flatMap((definition) => definition.tasks);
    return new Set(
      tasks.flatMap(({ body }) =>
        body.kind === 'action' ? (body.action.split('.')[0] ?? []) : [],
      ),
    );
  }

  /** By file: what is wrong with it beside the others. */
  async issues(): Promise<ReadonlyMap<F, readonly Issue[]>> {
    const byName = new Map([...this.#definitions.values()].map((each) => [each.name, each]));
    const issues = new Map<F, readonly Issue[]>();
    for (const [file, definition] of this.#definitions) {
      const recursion = await recursionOf(definition, (workflow) => byName.get(workflow));
      if (recursion !== undefined) issues.set(file, [recursion]);
    }
    return issues;
  }

  /** In the order in which they can be deployed: pools first, and what cannot be read, and is refused. */
  inOrder(): readonly F[] {
    const fileOf = new Map([...this.#definitions].map(([file, definition]) => [definition, file]));
    const ordered = calledFirst([...this.#definitions.values()]);
    return [
      ...this.#files.filter((file) => !this.#definitions.has(file)),
      ...ordered.flatMap((definition) => fileOf.get(definition) ?? []),
    ];
  }

  /** By file: what is worth knowing of its pools beside the others. */
  notes(): ReadonlyMap<F, readonly string[]> {
    const declared = new Map<string, string[]>();
    for (const { name, pools } of this.#definitions.values())
      for (const pool of Object.keys(pools))
        declared.set(pool, [...(declared.get(pool) ?? []), name]);
    return new Map(
      [...this.#definitions].map(([file, definition]) => [
        file,
        [...notesOfOwn(definition, declared), ...notesOfShared(definition, this.#pools)],
      ]),
    );
  }
}

function notesOfOwn(
  definition: Definition,
  declared: ReadonlyMap<string, readonly string[]>,
): string[] {
  return Object.keys(definition.pools).flatMap((pool) => {
    const others = (declared.get(pool) ?? []).filter((name) => name !== definition.name);
    if (others.length === 0) return [];
    return `each has a pool "${pool}" of its own: ${[definition.name, ...others].join(', ')}; to share one, deploy a file with "pool: ${pool}" and "slots: N"`;
  });
}

function notesOfShared(definition: Definition, shared: ReadonlySet<string>): string[] {
  const used = definition.tasks.flatMap(({ pools }) => Object.keys(pools ?? {}));
  const unknown = [...new Set(used)].filter((pool) => !isPrivate(pool) && !shared.has(pool));
  const names = [...Object.keys(definition.pools), ...shared];
  return unknown.map((pool, at) => {
    const hint = at < HINTS_SOUGHT ? didYouMean(pool, names) : undefined;
    const words = `the shared pool "${pool}" is in none of these files; deploy says whether it is there`;
    return hint === undefined ? words : `${words}; ${hint}`;
  });
}
