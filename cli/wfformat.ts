/**
 * WfFormat (the JSON of WfCommons instances, schema 1.4 and 1.5) as a workflow file: the same
 * graph, each task a sleep of its recorded run time, scaled. For comparing engines and for
 * trying Tutti on graphs that real science ran.
 */
import { z } from 'zod';
import { TuttiError } from '../model/errors.ts';
import type { Problem } from '../model/errors.ts';
import { NAME_CHARACTERS, RESERVED_NAMES } from '../model/workflow.ts';

const taskSchema = z.object({
  id: z.string().optional(),
  name: z.string(),
  parents: z.array(z.string()).default([]),
  children: z.array(z.string()).default([]),
  runtimeInSeconds: z.number().nonnegative().optional(),
  runtime: z.number().nonnegative().optional(),
});
const runtimeSchema = z.object({
  id: z.string(),
  runtimeInSeconds: z.number().nonnegative().optional(),
});
const instanceSchema = z.object({
  name: z.string(),
  description: z.string().optional(),
  workflow: z.object({
    specification: z.object({ tasks: z.array(taskSchema) }).optional(),
    execution: z.object({ tasks: z.array(runtimeSchema).default([]) }).optional(),
    tasks: z.array(taskSchema).optional(),
  }),
});
type Instance = z.output<typeof instanceSchema>;

interface Node {
  readonly id: string;
  readonly seconds: number;
  readonly parents: Set<string>;
}

/** The workflow file as text. `timeScale` 0 makes every task a no-op. */
export function importWfformat(text: string, file: string, timeScale: number): string {
  const instance = parseInstance(text, file);
  const nodes = nodesOf(instance);
  const names = new Names();
  const head = [
    `workflow: ${names.clean(instance.name)}`,
    `title: ${JSON.stringify(instance.name)}`,
    'tasks:',
  ];
  const tasks = [...nodes.values()].flatMap((node) => taskLines(node, names, timeScale));
  return `${[...head, ...tasks].join('\n')}\n`;
}

function parseInstance(text: string, file: string): Instance {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TuttiError('request.invalid', `${file} is not JSON: ${why}`, { cause: error });
  }
  const read = instanceSchema.safeParse(value);
  if (read.success) return read.data;
  const problems = read.error.issues.slice(0, 20).map(
    (issue): Problem => ({
      code: 'request.invalid',
      message: issue.message,
      file,
      path: issue.path.join('.'),
    }),
  );
  throw new TuttiError('request.invalid', `${file} is not a WfFormat instance.`, { problems });
}

/** Edges may be told from either end; ids were names before schema 1.5. */
function nodesOf({ workflow }: Instance): Map<string, Node> {
  const tasks = workflow.specification?.tasks ?? workflow.tasks ?? [];
  const measured = new Map(workflow.execution?.tasks.map((one) => [one.id, one.runtimeInSeconds]));
  const nodes = new Map<string, Node>();
  for (const task of tasks) {
    const id = task.id ?? task.name;
    if (nodes.has(id)) throw new TuttiError('request.invalid', `Two tasks are called ${id}.`);
    const seconds = measured.get(id) ?? task.runtimeInSeconds ?? task.runtime ?? 0;
    nodes.set(id, { id, seconds, parents: new Set(task.parents) });
  }
  for (const task of tasks) {
    for (const child of task.children) parentsOf(nodes, child).add(task.id ?? task.name);
    for (const parent of task.parents) parentsOf(nodes, parent);
  }
  return nodes;
}

function parentsOf(nodes: ReadonlyMap<string, Node>, id: string): Set<string> {
  const node = nodes.get(id);
  if (node !== undefined) return node.parents;
  throw new TuttiError('request.invalid', `An edge names the task ${id}, which is not there.`);
}

function taskLines(node: Node, names: Names, timeScale: number): string[] {
  const needs = [...node.parents].map((parent) => names.of(parent));
  const seconds = node.seconds * timeScale;
  return [
    `  ${names.of(node.id)}:`,
    ...(needs.length === 0 ? [] : [`    needs: [${needs.join(', ')}]`]),
    ...(seconds === 0
      ? ['    action: tutti.noop']
      : [
          '    action: shell.run',
          `    with: { command: sleep, args: ["${plainNumber(seconds)}"], idempotent: true }`,
        ]),
  ];
}

/** `sleep` takes no exponents. */
function plainNumber(seconds: number): string {
  return seconds.toFixed(6).replace(/\.?0+$/, '') || '0';
}

/** Ids of other engines as names of ours: unique, and as near as the letters allow. */
class Names {
  readonly #byId = new Map<string, string>();
  readonly #taken = new Set<string>();

  of(id: string): string {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const base = this.clean(id);
    let name = base;
    for (let count = 2; this.#taken.has(name); count += 1) name = `${base}-${count}`;
    this.#taken.add(name);
    this.#byId.set(id, name);
    return name;
  }

  clean(id: string): string {
    const letters = id.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
    const name = letters.slice(0, NAME_CHARACTERS - 10);
    // Words that YAML would read as a number, a truth or nothing.
    const isPlain = /^[A-Za-z]/.test(name) && !/^(true|false|null|y|n|yes|no|on|off)$/i.test(name);
    return isPlain && !RESERVED_NAMES.has(name) ? name : `t-${name}`;
  }
}
