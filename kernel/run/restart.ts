/**
 * Restart: the same run goes on from some of its tasks, keeping every other output, if wanted on
 * another version of the workflow. `choose` says what a restart would do, `restart` does it.
 */
import type { Definition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import type { By, Refusal, RestartRun, RunRestarted } from '../../model/run.ts';
import type { Definitions } from './context.ts';
import { type Graph, graphOf, taskAt, withDescendants } from './graph.ts';
import { canCarry, lineageOf } from './lineage.ts';
import {
  closes,
  definitionOf,
  edgeTaken,
  freshNode,
  indexOf,
  isBad,
  isDispatched,
  letIn,
  lookAt,
  nodeAt,
  refOf,
  renewDeadline,
} from './nodes.ts';
import type { Mutable } from '../../model/mutable.ts';
import { refusal } from '../../model/refusal.ts';
import { type Node, type RunState, WAITING } from './state.ts';

export interface RestartChoice {
  /** What goes back to waiting, in the words of the version that the run goes on with. */
  readonly reset: readonly string[];
  readonly keeps: readonly string[];
  /** Tasks and items that must not be under way, in the words of the version so far. */
  readonly stops: readonly string[];
}

/**
 * The tasks named, or every failure, and all that follows them. An item of a mapped task may be
 * named: then its siblings are kept.
 */
export function choose(
  state: RunState,
  command: Pick<RestartRun, 'from' | 'mapping'>,
  target: Definition,
): RestartChoice | Refusal {
  const mapping = command.mapping ?? {};
  const wrong = mistakeIn(state, mapping, target);
  if (wrong !== undefined) return refusal('request.invalid', wrong);
  const graph = graphOf(target);
  const lineage = lineageOf(state.graph, target, mapping);
  const from = command.from ?? renamed(failures(state), lineage, state, graph);
  const seeds = new Set<number>(uncarried(state, target, lineage));
  const items: string[] = [];
  for (const ref of from) {
    const name = taskOfRef(ref);
    const index = graph.index.get(name);
    if (index === undefined) return refusal('task.unknown', `the workflow has no task "${ref}"`);
    if (name === ref) {
      seeds.add(index);
    } else {
      if (indexOf(state, oldRef(ref, index, lineage, state)) === undefined)
        return refusal('task.unknown', `the run has no task "${ref}"`);
      items.push(ref);
      for (const edge of graph.out[index] ?? []) seeds.add(edge.to);
    }
  }
  const whole = withDescendants(graph, seeds);
  const kept = items.filter((ref) => !whole.has(graph.index.get(taskOfRef(ref)) ?? -1));
  if (whole.size + kept.length === 0 && target === state.definition) {
    return refusal('restart.nothing', 'no task of this run failed; name tasks to restart from');
  }
  return choiceOf(state, graph, lineage, whole, kept);
}

function choiceOf(
  state: RunState,
  graph: Graph,
  lineage: Lineage,
  whole: ReadonlySet<number>,
  items: readonly string[],
): RestartChoice {
  // Tasks that the old version did not have begin in any case.
  const begins = (index: number) => whole.has(index) || lineage[index] === undefined;
  const names = graph.definition.tasks.map(({ name }) => name);
  const same = graph === state.graph;
  const goesOn = new Set(same ? [] : lineage.filter((_, index) => !whole.has(index)));
  const stops = state.definition.tasks.filter((_, index) =>
    same ? whole.has(index) : !goesOn.has(index),
  );
  const itemStops = items.map((ref) =>
    oldRef(ref, graph.index.get(taskOfRef(ref)) ?? -1, lineage, state),
  );
  return {
    reset: [...items, ...names.filter((_, index) => begins(index))],
    keeps: names.filter((_, index) => !begins(index)),
    stops: [...stops.map(({ name }) => name), ...itemStops],
  };
}

type Lineage = readonly (number | undefined)[];

function taskOfRef(ref: string): string {
  if (!ref.endsWith(']')) return ref;
  return ref.replace(/\[\d+\]$/, '');
}

function mistakeIn(
  state: RunState,
  mapping: Readonly<Record<string, string>>,
  target: Definition,
): string | undefined {
  const pairs = Object.entries(mapping);
  if (pairs.length > 0 && target === state.definition)
    return 'mapping: names change only from one version to another; name the version too';
  const taken = new Set<string>();
  for (const [to, from] of pairs) {
    if (!graphOf(target).index.has(to)) return `mapping: the new version has no task "${to}"`;
    if (!state.graph.index.has(from)) return `mapping: the run has no task "${from}"`;
    if (taken.has(from)) return `mapping: "${from}" cannot go on as two tasks`;
    taken.add(from);
  }
  return undefined;
}

/** Tasks of the new version whose past means nothing to them. */
function uncarried(state: RunState, target: Definition, lineage: Lineage): number[] {
  if (target === state.definition) return [];
  return target.tasks.flatMap((task, index) => {
    const before = lineage[index];
    if (before === undefined) return [];
    const old = [state.definition, taskAt(state.graph, before)] as const;
    return canCarry(nodeAt(state, before), old, [target, task]) ? [] : [index];
  });
}

/** The tasks and items that ended badly with nobody to take it; items rather than their mapped task. */
function failures(state: RunState): string[] {
  const refs: string[] = [];
  state.nodes.forEach((node, index) => {
    if (!isBad(node.status) || node.closed) return;
    if (node.item !== undefined) {
      if (!nodeAt(state, node.item.parent).closed) refs.push(refOf(state, index));
    } else if (node.items === undefined || node.items.failed === 0) {
      refs.push(refOf(state, index));
    }
  });
  return refs;
}

/** References in the words of the new version, without those that it has no task for. */
function renamed(
  refs: readonly string[],
  lineage: Lineage,
  state: RunState,
  graph: Graph,
): string[] {
  if (refs.length === 0 || graph === state.graph) return [...refs];
  const after = new Map(lineage.map((before, index) => [before, index]));
  return refs.flatMap((ref) => {
    const before = state.graph.index.get(taskOfRef(ref));
    const index = before === undefined ? undefined : after.get(before);
    if (index === undefined) return [];
    return [`${taskAt(graph, index).name}${ref.slice(taskOfRef(ref).length)}`];
  });
}

/** A reference to an item in the words of the version so far. */
function oldRef(ref: string, index: number, lineage: Lineage, state: RunState): string {
  const before = lineage[index];
  if (before === undefined) return '';
  return `${taskAt(state.graph, before).name}${ref.slice(taskOfRef(ref).length)}`;
}

export function restart(state: RunState, event: RunRestarted, definitions: Definitions): void {
  const old = { nodes: state.nodes, graph: state.graph };
  if (event.version !== undefined && event.version !== state.version) {
    spend(state);
    state.version = event.version;
    state.definition = definitions(state.workflow, event.version);
    state.graph = graphOf(state.definition);
  }
  revive(state, event.by);
  renewDeadline(state, event.at);
  const reset = new Set(event.reset);
  const lineage = lineageOf(old.graph, state.definition, event.mapping);
  // Under a new name, attempts go on from those that the name has seen in any version.
  const floors = state.definition.tasks.map(({ name }, index) =>
    old.graph.index.get(name) === (lineage[index] ?? -1) ? 0 : (state.spent.get(name) ?? 0),
  );
  state.nodes = floors.map((floor, index) => {
    const node = old.nodes[lineage[index] ?? -1] ?? freshNode(index, 0);
    const isReset = reset.has(taskAt(state.graph, index).name);
    const next: Mutable<Node> = isReset ? resetNode(node, index, old.nodes) : node;
    next.task = index;
    next.attempt = Math.max(floor, next.attempt);
    return next;
  });
  const going = carryItems(state, old.nodes, reset, floors);
  recount(state, old.nodes.length);
  for (const parent of going) letIn(state, parent, event.at);
  state.definition.tasks.forEach((_, index) => lookAt(state, index, event.at));
}

/** A run that had ended goes on; one that has a parent will tell it. */
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

/** A task that starts afresh; only its attempt numbers go on. */
function resetNode(node: Node, task: number, nodes: readonly Node[]): Node {
  let attempt = node.attempt;
  for (let i = 0; i < (node.items?.values.length ?? 0); i++) {
    attempt = Math.max(attempt, nodes[(node.items?.first ?? 0) + i]?.attempt ?? 0);
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
  reset: ReadonlySet<string>,
  floors: readonly number[],
): number[] {
  const going: number[] = [];
  state.definition.tasks.forEach((task, parent) => {
    const node = nodeAt(state, parent);
    const items = node.items;
    if (items === undefined) return;
    const first = state.nodes.length;
    const moved = { ...items, first, ended: 0, failed: 0, pending: [] as number[] };
    node.items = moved;
    let opened = false;
    items.values.forEach((_, position) => {
      const before = nodes[items.first + position] ?? bug('item');
      const again = reset.has(`${task.name}[${position}]`);
      const item: Node = {
        ...before,
        task: parent,
        item: { position, parent },
        attempt: Math.max(before.attempt, floors[parent] ?? 0),
        ...(again && { status: WAITING, failures: 0, rounds: 0 }),
      };
      state.nodes.push(item);
      if (again) opened = true;
      if (item.status.name === 'waiting') moved.pending.push(position);
      if (item.status.name === 'ended') moved.ended += 1;
      if (isBad(item.status)) moved.failed += 1;
    });
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
function recount(state: RunState, nodesBefore: number): void {
  state.alive = 0;
  state.ended = 0;
  state.failed = 0;
  state.agenda = [];
  // Nodes may have moved, and some may be gone: all are looked at.
  const nodes = Math.max(nodesBefore, state.nodes.length);
  state.touched = Array.from({ length: nodes }, (_, index) => index);
  state.nodes.forEach((node) => {
    node.closed = closes(state, node);
    if (node.status.name === 'ended') {
      state.ended += 1;
      if (node.item === undefined && !node.closed && isBad(node.status)) state.failed += 1;
    } else if (node.status.name !== 'waiting') {
      state.alive += 1;
    }
  });
  state.nodes.forEach((node, index) => {
    if (node.item !== undefined) return;
    const edges = state.graph.in[index] ?? [];
    node.open = 0;
    node.taken = 0;
    for (const edge of edges) {
      const source = nodeAt(state, edge.from);
      if (!source.closed || source.status.name !== 'ended') node.open += 1;
      else if (edgeTaken(edge, source.status)) node.taken += 1;
    }
    if (node.items !== undefined && node.status.name === 'running') {
      if (node.items.ended === node.items.values.length) state.agenda.push(index);
    }
    if (node.status.name === 'queued' && !isDispatched(definitionOf(state, node), node)) {
      state.agenda.push(index);
    }
  });
}
