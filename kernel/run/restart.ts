/**
 * Restart: the same run continues from some of its tasks, keeping every other output, if wanted on
 * another version of the workflow. `chooseRestart` says what a restart would do, `restart` does it.
 */
import type { Definition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import type { By, Refusal, RestartRun, RunRestarted } from '../../model/run.ts';
import type { VersionLookup } from './context.ts';
import {
  edgesFrom,
  edgesTo,
  type Graph,
  type Marks,
  namesOf,
  taskAt,
  withDescendants,
} from './graph.ts';
import { canCarry, lineageOf } from './lineage.ts';
import {
  closes,
  definitionOf,
  edgeTaken,
  freshNode,
  indexOf,
  isFailure,
  isDispatched,
  admitItems,
  updateReadiness,
  nodeAt,
  renewDeadline,
} from './nodes.ts';
import type { Mutable } from '../../model/mutable.ts';
import { itemReference, readItemReference } from '../../model/task-reference.ts';
import { isRefusal, refusal } from '../../model/refusal.ts';
import { type Node, type RunState, WAITING } from './state.ts';

export interface RestartChoice {
  /** What goes back to waiting, in the words of the version that the run continues with. */
  readonly reset: readonly string[];
  readonly keeps: readonly string[];
  /** What must not be under way: tasks of the version so far, and nodes of items. */
  readonly stops: Marks;
  readonly itemStops: readonly number[];
}

/** Where a restart begins, by position: a run of 100,000 tasks has no time to look names up. */
interface Seeds {
  /** In the version that the run continues with. */
  readonly tasks: readonly number[];
  readonly items: readonly ItemSeed[];
}
interface ItemSeed {
  readonly ref: string;
  readonly task: number;
  readonly node: number;
}

/**
 * The tasks named, or every failure, and all that follows them. An item of a mapped task may be
 * named: then its siblings are kept.
 */
export function chooseRestart(
  state: RunState,
  command: Pick<RestartRun, 'from' | 'mapping'>,
  graph: Graph,
): RestartChoice | Refusal {
  const target = graph.definition;
  const mapping = command.mapping ?? {};
  const wrong = mistakeIn(state, mapping, graph);
  if (wrong !== undefined) return refusal('request.invalid', wrong);
  const lineage = lineageOf(state.graph, target, mapping);
  const seeds =
    command.from === undefined
      ? failures(state, graph, lineage)
      : named(state, graph, lineage, command.from);
  if (isRefusal(seeds)) return seeds;
  const after = seeds.items.flatMap(({ task }) => edgesFrom(graph, task).map(({ to }) => to));
  const uncarried = target === state.definition ? [] : uncarriedOf(state, target, lineage);
  const whole = withDescendants(graph, [...seeds.tasks, ...after, ...uncarried]);
  const items = seeds.items.filter(({ task }) => whole[task] === 0);
  if (items.length === 0 && target === state.definition && !whole.includes(1)) {
    return refusal('restart.nothing', 'no task of this run failed; name tasks to restart from');
  }
  return choiceOf(state, graph, lineage, whole, items);
}

function choiceOf(
  state: RunState,
  graph: Graph,
  lineage: Lineage,
  whole: Marks,
  items: readonly ItemSeed[],
): RestartChoice {
  const same = graph === state.graph;
  // Tasks that the old version did not have begin in any case.
  const begins = same ? whole : whole.map((is, at) => (lineage[at] === undefined ? 1 : is));
  const stops = same ? whole : new Uint8Array(state.definition.tasks.length).fill(1);
  if (!same) {
    lineage.forEach((before, at) => {
      if (before !== undefined && whole[at] !== 1) stops[before] = 0;
    });
  }
  return {
    reset: [...items.map(({ ref }) => ref), ...namesOf(graph, begins)],
    keeps: namesOf(
      graph,
      begins.map((is) => 1 - is),
    ),
    stops,
    itemStops: items.map(({ node }) => node),
  };
}

type Lineage = readonly (number | undefined)[];

function mistakeIn(
  state: RunState,
  mapping: Readonly<Record<string, string>>,
  target: Graph,
): string | undefined {
  const pairs = Object.entries(mapping);
  if (pairs.length > 0 && target === state.graph)
    return 'mapping: names change only from one version to another; name the version too';
  const taken = new Set<string>();
  for (const [to, from] of pairs) {
    if (!target.index.has(to)) return `mapping: the new version has no task "${to}"`;
    if (!state.graph.index.has(from)) return `mapping: the run has no task "${from}"`;
    if (taken.has(from)) return `mapping: "${from}" cannot become two tasks`;
    taken.add(from);
  }
  return undefined;
}

/** Tasks of the new version whose past means nothing to them. */
function uncarriedOf(state: RunState, target: Definition, lineage: Lineage): number[] {
  return target.tasks.flatMap((task, index) => {
    const before = lineage[index];
    if (before === undefined) return [];
    const old = [state.definition, taskAt(state.graph, before)] as const;
    return canCarry(nodeAt(state, before), old, [target, task]) ? [] : [index];
  });
}

function named(
  state: RunState,
  graph: Graph,
  lineage: Lineage,
  from: readonly string[],
): Seeds | Refusal {
  const tasks: number[] = [];
  const items: ItemSeed[] = [];
  for (const ref of from) {
    const item = readItemReference(ref);
    const task = graph.index.get(item?.name ?? ref);
    if (task === undefined) return refusal('task.unknown', `the workflow has no task "${ref}"`);
    if (item === undefined) {
      tasks.push(task);
      continue;
    }
    const before = lineage[task];
    const node =
      before === undefined
        ? undefined
        : indexOf(state, itemReference(taskAt(state.graph, before).name, item.position));
    if (node === undefined) return refusal('task.unknown', `the run has no task "${ref}"`);
    items.push({ ref, task, node });
  }
  return { tasks, items };
}

/**
 * The tasks and items that ended badly and that no task takes, without those that the version has no
 * task for; items rather than their mapped task.
 */
function failures(state: RunState, graph: Graph, lineage: Lineage): Seeds {
  const tasks: number[] = [];
  const items: ItemSeed[] = [];
  const after: number[] = [];
  lineage.forEach((before, at) => before !== undefined && (after[before] = at));
  state.nodes.forEach((node, index) => {
    if (!isFailure(node.status) || node.closed) return;
    const task = after[node.task];
    if (task === undefined) return;
    if (node.item !== undefined) {
      if (nodeAt(state, node.item.parent).closed) return;
      const ref = itemReference(taskAt(graph, task).name, node.item.position);
      items.push({ ref, task, node: index });
    } else if (node.items === undefined || node.items.failed === 0) {
      tasks.push(task);
    }
  });
  return { tasks, items };
}

/** What an event resets: tasks, and by task the positions of items. */
interface Reset {
  readonly tasks: Marks;
  readonly items: ReadonlyMap<number, ReadonlySet<number>>;
}

function resetOf(graph: Graph, refs: readonly string[]): Reset {
  const { tasks } = graph.definition;
  const marks = new Uint8Array(tasks.length);
  const items = new Map<number, Set<number>>();
  let next = 0;
  for (const ref of refs) {
    // They come in the order of the tasks: most stand where they are looked for first.
    const at = tasks[next]?.name === ref ? next : graph.index.get(ref);
    if (at !== undefined) {
      marks[at] = 1;
      next = at + 1;
      continue;
    }
    const item = readItemReference(ref);
    const task = item === undefined ? undefined : graph.index.get(item.name);
    if (item === undefined || task === undefined) continue;
    const positions = items.get(task) ?? new Set();
    items.set(task, positions.add(item.position));
  }
  return { tasks: marks, items };
}

export function restart(state: RunState, event: RunRestarted, versions: VersionLookup): void {
  const old = { nodes: state.nodes, graph: state.graph };
  if (event.version !== undefined && event.version !== state.version) {
    spend(state);
    state.version = event.version;
    const { graph, expressions } = versions(state.workflow, event.version);
    state.definition = graph.definition;
    state.graph = graph;
    state.expressions = expressions;
  }
  revive(state, event.by);
  renewDeadline(state, event.at);
  const reset = resetOf(state.graph, event.reset);
  const lineage = lineageOf(old.graph, state.definition, event.mapping);
  const floors = floorsOf(state, old.graph, lineage);
  state.nodes = lineage.map((before, index) => {
    const node = before === undefined ? freshNode(index, 0) : (old.nodes[before] ?? bug('node'));
    const next: Mutable<Node> = reset.tasks[index] === 1 ? resetNode(node, index, old.nodes) : node;
    next.task = index;
    next.attempt = Math.max(floors?.[index] ?? 0, next.attempt);
    return next;
  });
  const going = carryItems(state, old.nodes, reset, floors);
  recount(state);
  for (const parent of going) admitItems(state, parent, event.at);
  for (let index = 0; index < lineage.length; index++) updateReadiness(state, index, event.at);
  // Nodes may have moved, and some may be gone: all are looked at.
  state.touched = [];
  const nodes = Math.max(old.nodes.length, state.nodes.length);
  for (let index = 0; index < nodes; index++) state.touched.push(index);
}

/** Under a new name, attempts continue from those that the name has seen in any version. */
function floorsOf(state: RunState, before: Graph, lineage: Lineage): readonly number[] | undefined {
  if (before === state.graph) return undefined;
  return state.definition.tasks.map(({ name }, index) =>
    lineage[index] !== undefined && lineage[index] === before.index.get(name)
      ? 0
      : (state.spent.get(name) ?? 0),
  );
}

/** A run that had ended continues; one that has a parent will tell it. */
export function revive(state: RunState, by: By): void {
  if (state.end !== undefined && state.parent !== undefined) state.untold = by;
  delete state.end;
  delete state.cancel;
}

/** Remembers the attempts of every name before the names change. */
function spend(state: RunState): void {
  for (const node of state.nodes) {
    const { name } = taskAt(state.graph, node.task);
    state.spent.set(name, Math.max(state.spent.get(name) ?? 0, node.attempt));
  }
}

/** A task that starts afresh; only its attempt numbers continue. */
function resetNode(node: Node, task: number, nodes: readonly Node[]): Node {
  let attempt = node.attempt;
  const { first, values } = node.items ?? { first: 0, values: [] };
  for (let item = first; item < first + values.length; item++) {
    attempt = Math.max(attempt, (nodes[item] ?? bug('item')).attempt);
  }
  const fresh = freshNode(task, 0);
  fresh.attempt = attempt;
  if (node.hold !== undefined) fresh.hold = node.hold;
  return fresh;
}

/** Moves the items of kept mapped tasks behind the new nodes, and opens those that are reset. */
function carryItems(
  state: RunState,
  nodes: readonly Node[],
  reset: Reset,
  floors: readonly number[] | undefined,
): number[] {
  const going: number[] = [];
  state.definition.tasks.forEach((_, parent) => {
    const node = nodeAt(state, parent);
    const items = node.items;
    if (items === undefined) return;
    const first = state.nodes.length;
    const moved = { ...items, first, ended: 0, failed: 0, pending: [] as number[] };
    node.items = moved;
    let opened = false;
    const positions = reset.items.get(parent);
    for (let position = 0; position < items.values.length; position++) {
      // Changed where it is, like its mapped task: the old nodes are no longer used.
      const item: Mutable<Node> = nodes[items.first + position] ?? bug('item');
      item.task = parent;
      item.item = { position, parent };
      item.attempt = Math.max(item.attempt, floors?.[parent] ?? 0);
      if (positions?.has(position) === true) {
        item.status = WAITING;
        item.failures = 0;
        item.rounds = 0;
        opened = true;
      }
      state.nodes.push(item);
      if (item.status.name === 'waiting') moved.pending.push(position);
      if (item.status.name === 'ended') moved.ended += 1;
      if (isFailure(item.status)) moved.failed += 1;
    }
    moved.pending.reverse();
    const { status } = node;
    if (opened && status.name === 'ended') {
      const startedAt = status.startedAt ?? status.endedAt;
      node.status = { name: 'running', attempt: status.attempt, startedAt };
      node.closed = false;
    }
    // The new version may let more of them in at a time.
    if (node.status.name === 'running') going.push(parent);
  });
  return going;
}

/** Counts and edges from scratch: a restart is rare, so it may look at the whole run. */
function recount(state: RunState): void {
  state.alive = 0;
  state.ended = 0;
  state.failed = 0;
  state.worklist = [];
  state.nodes.forEach((node) => {
    node.closed = closes(state, node);
    if (node.status.name === 'ended') {
      state.ended += 1;
      if (node.item === undefined && !node.closed && isFailure(node.status)) state.failed += 1;
    } else if (node.status.name !== 'waiting') {
      state.alive += 1;
    }
  });
  state.nodes.forEach((node, index) => {
    if (node.item !== undefined) return;
    node.open = 0;
    node.taken = 0;
    for (const edge of edgesTo(state.graph, index)) {
      const source = nodeAt(state, edge.from);
      if (!source.closed || source.status.name !== 'ended') node.open += 1;
      else if (edgeTaken(edge, source.status)) node.taken += 1;
    }
    if (node.items !== undefined && node.status.name === 'running') {
      if (node.items.ended === node.items.values.length) state.worklist.push(index);
    }
    if (node.status.name === 'queued' && !isDispatched(definitionOf(state, node), node)) {
      state.worklist.push(index);
    }
  });
}
