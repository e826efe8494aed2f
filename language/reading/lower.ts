/**
 * From the value of a workflow file to the definition that the kernel runs, or to everything
 * that is wrong with it.
 *
 * Each step works with what the step before could make out, so that one mistake does not hide
 * the next and does not cause others. Linear in tasks and edges.
 */
import type { ActionCatalogue } from '../../model/action.ts';
import type { Definition, Edge, TaskDefinition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import type { JsonObject } from '../../model/json.ts';
import { durationMs, NAME, workflowShape } from '../workflow.ts';
import { OutputSchemas } from './actions.ts';
import { lowerInputs } from './declarations.ts';
import { type Draft, draftTask } from './draft.ts';
import { Expressions } from './expressions.ts';
import { checkFields, formOf } from './fields.ts';
import { findCycles, findUnreachable } from './graph.ts';
import { type Issue, type Report, found, isRecord } from '../../model/issue.ts';
import { Mistakes } from '../../model/mistakes.ts';
import { originOf } from './links.ts';
import { lowerTask, type TaskInWork } from './task.ts';
import type { Workshop } from './workshop.ts';

const WORKFLOW = formOf(workflowShape);

export interface Lowered {
  /** Null when anything is wrong. */
  readonly definition: Definition | null;
  readonly issues: readonly Issue[];
}

/** What a run costs at once when it starts or is taken over grows with them. */
const MOST_TASKS = 100_000;

export function lower(value: unknown, actions: ActionCatalogue | undefined): Lowered {
  const mistakes = new Mistakes();
  const { report } = mistakes;
  if (!isRecord(value)) {
    const message = `expected a map with the fields of a workflow, found ${found(value)}`;
    report({ code: 'field.type', message, path: [] });
    return { definition: null, issues: mistakes.all() };
  }
  const definition = lowerWorkflowMap(value, actions, report);
  const issues = mistakes.all();
  return { definition: issues.length === 0 ? definition : null, issues };
}

function lowerWorkflowMap(
  value: Readonly<Record<string, unknown>>,
  actions: ActionCatalogue | undefined,
  report: Report,
): Definition | null {
  const top = checkFields(value, WORKFLOW, [], report);
  const inputs = lowerInputs(top.inputs ?? {}, report);
  const drafts = draftTasks(top.tasks, actions, report);
  const expressions = new Expressions(
    {
      inputs,
      outputs: new Map(
        drafts.map(({ name, fields, output }) => {
          return [name, fields.each === undefined ? output : undefined];
        }),
      ),
    },
    report,
  );
  const pools = lowerPools(top.pools, report);
  const workshop: Workshop = {
    workflow: top.workflow,
    report,
    actions,
    expressions,
    pools,
    positions: new Map(drafts.map(({ name, position }) => [name, position])),
    drafts,
    branches: new Map(),
  };
  const { tasks, edges } = lowerTasks(workshop);
  checkGraph(drafts, tasks, edges, report);
  expressions.template(top.outputs ?? {}, { path: ['outputs'], place: {} });
  const timeoutMs = positive(top.timeout, report);
  const { workflow: name } = top;
  const whole = tasks.filter(isWhole);
  if (name === undefined || whole.length < tasks.length) return null;
  return {
    name,
    ...(top.title !== undefined && { title: top.title }),
    ...(top.description !== undefined && { description: top.description }),
    ...(top.owner !== undefined && { owner: top.owner }),
    inputs,
    tasks: whole,
    edges,
    ...(timeoutMs !== undefined && { timeoutMs }),
    pools,
    // The file holds JSON only.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    ...(top.outputs !== undefined && { outputs: top.outputs as JsonObject }),
  };
}

function draftTasks(
  tasks: Readonly<Record<string, unknown>> | undefined,
  actions: ActionCatalogue | undefined,
  report: Report,
): readonly Draft[] {
  const entries = Object.entries(tasks ?? {});
  if (tasks !== undefined && entries.length === 0) {
    report({
      code: 'field.value',
      message: 'a workflow has at least one task',
      path: ['tasks'],
      at: 'key',
    });
  }
  if (entries.length > MOST_TASKS) {
    report({
      code: 'source.limit',
      message: `a workflow has at most ${MOST_TASKS} tasks, this one has ${entries.length}`,
      hint: 'split it into several workflows, or let `each` run one task over a list',
      path: ['tasks'],
      at: 'key',
    });
    return [];
  }
  const outputs = new OutputSchemas(actions);
  return entries.map(([name, raw], position) => {
    const draft = draftTask(name, raw, position, report);
    const { action } = draft.fields;
    return { ...draft, output: action === undefined ? undefined : outputs.of(action) };
  });
}

function lowerPools(
  pools: Readonly<Record<string, number>> | undefined,
  report: Report,
): Readonly<Record<string, number>> {
  for (const name of Object.keys(pools ?? {})) {
    if (NAME.test(name)) continue;
    const message = 'the name of a pool has letters, digits, "_", "." and "-"';
    report({ code: 'name.invalid', message, path: ['pools', name], at: 'key' });
  }
  return { ...pools };
}

function positive(timeout: string | undefined, report: Report): number | undefined {
  const timeoutMs = timeout === undefined ? undefined : durationMs(timeout);
  if (timeoutMs === 0) {
    report({ code: 'field.value', message: 'a timeout must be longer than 0', path: ['timeout'] });
  }
  return timeoutMs;
}

function isWhole(task: TaskInWork): task is TaskDefinition {
  return task.body !== undefined;
}

function lowerTasks(workshop: Workshop): { tasks: TaskInWork[]; edges: Edge[] } {
  const tasks: TaskInWork[] = [];
  const edges: Edge[] = [];
  const implied: { readonly to: number; readonly sources: ReadonlySet<string> }[] = [];
  for (const draft of workshop.drafts) {
    const { task, edges: own, references } = lowerTask(draft, workshop);
    tasks.push(task);
    for (const edge of own) edges.push(edge);
    if (references.size > 0) implied.push({ to: draft.position, sources: references });
  }
  // After all switches are known: a branch is an explicit edge too.
  const led = new Set(edges.map(({ to }) => to));
  for (const { to, sources } of implied) {
    const branches = workshop.branches.get(to);
    // Or the branch not taken would run, because what it refers to has succeeded.
    const waitsOnly = led.has(to) ? ({ implied: true } as const) : {};
    for (const source of sources) {
      const from = workshop.positions.get(source);
      if (from === undefined || from === to || branches?.has(from) === true) continue;
      edges.push({ from, to, on: 'succeeded', ...waitsOnly });
    }
  }
  return { tasks, edges };
}

function checkGraph(
  drafts: readonly Draft[],
  tasks: readonly TaskInWork[],
  edges: readonly Edge[],
  report: Report,
): void {
  const cycles = findCycles({ tasks, edges });
  const name = (position: number) =>
    drafts[position]?.name ?? bug(`there is no task at ${position}`);
  for (const cycle of cycles) {
    const closing = cycle.at(-1);
    if (closing === undefined) continue;
    const names = [...cycle.map(({ from }) => name(from)), name(closing.to)];
    const shown = names.length > 20 ? [...names.slice(0, 10), '...', ...names.slice(-9)] : names;
    const origin = originOf(closing, drafts);
    report({
      code: 'graph.cycle',
      message: `the tasks wait for each other: ${shown.join(' → ')}`,
      ...origin,
    });
  }
  if (cycles.length > 0) return;
  for (const { task, reason } of findUnreachable({ tasks, edges })) {
    const message = `"${name(task)}" can never start: ${reason}`;
    report({ code: 'task.unreachable', message, path: ['tasks', name(task)], at: 'key' });
  }
}
