/**
 * Recorded executions of scientific workflows (WfFormat 1.5, wfcommons.org) as workflow files:
 * each task sleeps for its recorded run time, scaled, or does nothing when that is zero. Shape
 * and order are the recording's; names are kept as titles where our rules change them.
 */
import { z } from 'zod';
import { NAME, NAME_CHARACTERS, RESERVED_NAMES } from './workflow.ts';
import { TuttiError } from '../model/errors.ts';
import { reportIssues } from './reading/fields.ts';
import { toProblem } from '../model/issue.ts';
import { Mistakes } from '../model/mistakes.ts';

const SLOWEST_SECONDS = 10 * 365 * 24 * 3_600;

const document = z.looseObject({
  name: z.string().optional(),
  description: z.string().optional(),
  schemaVersion: z.string().regex(/^1\.[45]$/, { error: 'expected WfFormat 1.4 or 1.5' }),
  workflow: z.looseObject({
    specification: z.looseObject({
      tasks: z.array(
        z.looseObject({
          id: z.string().min(1),
          name: z.string().optional(),
          parents: z.array(z.string()).optional(),
          children: z.array(z.string()).optional(),
        }),
      ),
    }),
    execution: z
      .looseObject({
        tasks: z.array(
          z.looseObject({
            id: z.string(),
            runtimeInSeconds: z.number().min(0).max(SLOWEST_SECONDS).optional(),
          }),
        ),
      })
      .optional(),
  }),
});

export interface WfFormatImport {
  /** A workflow file. */
  readonly yaml: string;
  readonly name: string;
  readonly tasks: number;
  readonly edges: number;
  /** Names of the tasks by their ids in the recording. */
  readonly names: ReadonlyMap<string, string>;
}

/** Throws TuttiError `workflow.invalid` when it is not such a recording. */
export function importWfFormat(
  json: unknown,
  options: { readonly timeScale: number; readonly name?: string },
): WfFormatImport {
  const { timeScale } = options;
  if (!(timeScale >= 0 && timeScale <= 1_000_000)) {
    throw new TuttiError('request.invalid', 'the time scale is a number from 0 to 1000000');
  }
  const recording = parse(json);
  const { tasks } = recording.workflow.specification;
  const names = namesOf(tasks.map(({ id }) => id));
  const parents = parentsOf(tasks, names);
  const { execution } = recording.workflow;
  const runtimes = new Map(execution?.tasks.map((task) => [task.id, task.runtimeInSeconds]));
  const name = nameOf(options.name ?? recording.name?.replace(/\.json$/, '') ?? 'workflow');
  const lines = [`workflow: ${text(name)}`];
  if (recording.name !== undefined) lines.push(`title: ${text(recording.name)}`);
  if (recording.description !== undefined)
    lines.push(`description: ${text(recording.description)}`);
  lines.push('tasks:');
  let edges = 0;
  for (const { id, name: title } of tasks) {
    const needs = [...(parents.get(id) ?? [])].map((parent) => text(names.get(parent) ?? parent));
    edges += needs.length;
    const own = names.get(id) ?? id;
    lines.push(`  ${text(own)}:`);
    if ((title ?? id) !== own) lines.push(`    title: ${text(title ?? id)}`);
    if (needs.length > 0) lines.push(`    needs: [${needs.join(', ')}]`);
    lines.push(...work(runtimes.get(id), timeScale));
  }
  return { yaml: `${lines.join('\n')}\n`, name, tasks: tasks.length, edges, names };
}

function parse(json: unknown): z.infer<typeof document> {
  const result = document.safeParse(json);
  if (result.success) return result.data;
  const mistakes = new Mistakes();
  reportIssues(result.error.issues.slice(0, 100), json, [], [], mistakes.report);
  const problems = mistakes.all().map(toProblem);
  throw new TuttiError('workflow.invalid', 'the file is not a WfFormat 1.5 recording', {
    problems,
  });
}

type Task = z.infer<typeof document>['workflow']['specification']['tasks'][number];

/** Parents by id: an edge may be told by either of its ends. */
function parentsOf(
  tasks: readonly Task[],
  names: ReadonlyMap<string, string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const parents = new Map<string, Set<string>>(tasks.map(({ id }) => [id, new Set()]));
  const draw = (from: string, to: string) => {
    for (const end of [from, to]) {
      if (names.has(end)) continue;
      throw new TuttiError(
        'workflow.invalid',
        `an edge names the task "${end}", which is not there`,
      );
    }
    parents.get(to)?.add(from);
  };
  for (const task of tasks) {
    for (const parent of task.parents ?? []) draw(parent, task.id);
    for (const child of task.children ?? []) draw(task.id, child);
  }
  return parents;
}

function namesOf(ids: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set(ids.filter(isName));
  for (const id of ids) {
    if (names.has(id)) throw new TuttiError('workflow.invalid', `two tasks have the id "${id}"`);
    if (isName(id)) {
      names.set(id, id);
      continue;
    }
    const plain = nameOf(id);
    let name = plain;
    for (let number = 2; taken.has(name); number += 1) name = `${plain}-${number}`;
    taken.add(name);
    names.set(id, name);
  }
  return names;
}

function isName(id: string): boolean {
  return NAME.test(id) && id.length <= NAME_CHARACTERS && !RESERVED_NAMES.has(id);
}

/** Leaves room for a number behind it. */
function nameOf(id: string): string {
  const plain = id
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 180);
  return plain === '' || RESERVED_NAMES.has(plain) ? `task-${plain}` : plain;
}

function work(recorded: number | undefined, timeScale: number): readonly string[] {
  const rounded = recorded && Math.round(recorded * timeScale * 1_000) / 1_000;
  if (rounded === undefined || rounded === 0) return ['    action: tutti.noop'];
  return ['    action: shell.run', `    with: { script: ${text(`sleep ${rounded}`)} }`];
}

/** JSON is YAML, and its strings are never taken for something else. */
function text(value: string): string {
  return JSON.stringify(value);
}
