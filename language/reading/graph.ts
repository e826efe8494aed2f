/**
 * The graph of the tasks: no cycles, and nothing that can never start.
 *
 * A task is unreachable when it has edges and none of them can ever be taken: its source never
 * ends that way (a switch is never `warned`; a task that always starts is never `skipped`), or
 * its source is itself unreachable. Only the first of a chain is reported.
 */
import type { Body, Edge, EdgeEnd, SwitchCase, TaskDefinition } from '../../model/definition.ts';

interface Graph {
  readonly tasks: readonly (Pick<TaskDefinition, 'name' | 'when' | 'warn'> & {
    /** Absent where the kind of the task cannot be told. */
    readonly body?: Body | undefined;
  })[];
  readonly edges: readonly Edge[];
}

const CYCLES_SHOWN = 10;

/** Each cycle as its edges, in the order of execution, from the task that stands first. */
export function findCycles({ tasks, edges }: Graph): readonly (readonly Edge[])[] {
  const open = new Int32Array(tasks.length);
  const outgoing: Edge[][] = tasks.map(() => []);
  for (const edge of edges) {
    outgoing[edge.from]?.push(edge);
    open[edge.to] = (open[edge.to] ?? 0) + 1;
  }
  const ready: number[] = [];
  open.forEach((count, task) => count === 0 && ready.push(task));
  for (let task = ready.pop(); task !== undefined; task = ready.pop()) {
    for (const { to } of outgoing[task] ?? []) {
      const left = (open[to] ?? 0) - 1;
      open[to] = left;
      if (left === 0) ready.push(to);
    }
  }
  // What is left has a source that is left: walking back must come round.
  const back = new Map<number, Edge>();
  for (const edge of edges) {
    if (open[edge.from] !== 0 && open[edge.to] !== 0 && !back.has(edge.to)) back.set(edge.to, edge);
  }
  return walkBack(back);
}

function walkBack(back: ReadonlyMap<number, Edge>): readonly (readonly Edge[])[] {
  const cycles: Edge[][] = [];
  const seen = new Set<number>();
  for (const start of back.keys()) {
    const walk: Edge[] = [];
    const here = new Map<number, number>();
    let task = start;
    while (!seen.has(task)) {
      seen.add(task);
      here.set(task, walk.length);
      const edge = back.get(task);
      if (edge === undefined) break;
      walk.push(edge);
      task = edge.from;
    }
    const from = here.get(task);
    if (from !== undefined && walk.length > from)
      cycles.push(fromFirst(walk.slice(from).toReversed()));
    if (cycles.length === CYCLES_SHOWN) break;
  }
  return cycles;
}

/** Turned so that it begins at the task that stands first in the file. */
function fromFirst(cycle: readonly Edge[]): Edge[] {
  const first = Math.min(...cycle.map(({ from }) => from));
  const start = cycle.findIndex(({ from }) => from === first);
  return [...cycle.slice(start), ...cycle.slice(0, start)];
}

interface Unreachable {
  readonly task: number;
  readonly reason: string;
}

/** For a graph without cycles. */
export function findUnreachable(graph: Graph): readonly Unreachable[] {
  const { tasks, edges } = graph;
  const incoming: Edge[][] = tasks.map(() => []);
  for (const edge of edges) if (edge.implied !== true) incoming[edge.to]?.push(edge);
  const startable = new Map<number, boolean>();
  const certain: CertainCases = new Map();
  const unreachable: Unreachable[] = [];
  for (const task of inOrder(graph)) {
    const into = incoming[task] ?? [];
    if (into.length === 0) {
      startable.set(task, true);
      continue;
    }
    const reasons = into.map((edge) => whyNever(graph, incoming, edge, certain));
    const starts = into.some(({ from, on }, position) => {
      return reasons[position] === undefined && (startable.get(from) !== false || on === 'skipped');
    });
    startable.set(task, starts);
    const own = reasons.find((reason) => reason !== undefined);
    if (!starts && own !== undefined) unreachable.push({ task, reason: own });
  }
  return unreachable;
}

function whyNever(
  { tasks }: Graph,
  incoming: readonly Edge[][],
  edge: Edge,
  certain: CertainCases,
): string | undefined {
  const source = tasks[edge.from];
  if (source === undefined) return undefined;
  const { name, body } = source;
  const sentence = (end: EdgeEnd, because: string) => `"${name}" never ends ${end}: ${because}`;
  switch (edge.on) {
    case 'warned':
      return source.warn === undefined ? sentence('warned', 'it has no "warn"') : undefined;
    case 'skipped': {
      const always = (incoming[edge.from] ?? []).length === 0 && source.when === undefined;
      return always ? sentence('skipped', 'it has neither "needs" nor "when"') : undefined;
    }
    case 'timed-out':
      if (body === undefined || body.kind === 'action' || body.kind === 'workflow')
        return undefined;
      return sentence('timed-out', `a task with ${body.kind} has no timeout`);
    case 'branch':
      return whyNeverBranch(name, body, edge.branch, certain);
    case 'succeeded':
    case 'failed':
    case 'cancelled':
    case 'done':
      return undefined;
  }
}

/** The expression without its `${{ }}`. */
function plain(text: string): string {
  const trimmed = text.trim();
  const isTemplate = trimmed.startsWith('${{') && trimmed.endsWith('}}');
  return isTemplate ? trimmed.slice(3, -2).trim() : trimmed;
}

function whyNeverBranch(
  name: string,
  body: Body | undefined,
  branch: number | undefined,
  certain: CertainCases,
): string | undefined {
  if (body?.kind !== 'switch' || branch === undefined) return undefined;
  if (isAlways(body.cases[branch], 'false')) return `its case of "${name}" never holds`;
  const first = firstCertain(body, certain);
  const isBefore = first !== undefined && first < branch;
  return isBefore ? `an earlier case of "${name}" always holds` : undefined;
}

type Switch = Extract<Body, { kind: 'switch' }>;

/** The position of the first case that always holds, undefined where none does: each edge of the switch asks. */
type CertainCases = Map<Switch, number | undefined>;

function firstCertain(body: Switch, known: CertainCases): number | undefined {
  if (!known.has(body)) {
    const { length } = body.cases;
    let position = 0;
    while (position < length && !isAlways(body.cases[position], 'true')) position += 1;
    known.set(body, position < length ? position : undefined);
  }
  return known.get(body);
}

function isAlways(one: SwitchCase | undefined, value: 'true' | 'false'): boolean {
  return one?.when !== undefined && plain(one.when) === value;
}

function inOrder({ tasks, edges }: Graph): readonly number[] {
  const open = new Int32Array(tasks.length);
  const outgoing: number[][] = tasks.map(() => []);
  for (const { from, to } of edges) {
    outgoing[from]?.push(to);
    open[to] = (open[to] ?? 0) + 1;
  }
  const order: number[] = [];
  open.forEach((count, task) => count === 0 && order.push(task));
  // It grows while it is walked.
  for (const task of order) {
    for (const to of outgoing[task] ?? []) {
      const left = (open[to] ?? 0) - 1;
      open[to] = left;
      if (left === 0) order.push(to);
    }
  }
  return order;
}
