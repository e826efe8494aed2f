/**
 * Restart: the same run goes on from some of its tasks, keeping every other output, if wanted on
 * another version of the workflow. `choose` says what a restart would do, `restart` does it.
 */
import type { Definition } from '../model/definition.ts';
import { bug } from '../model/errors.ts';
import type { Refusal, RestartRun, RunRestarted } from '../model/run.ts';
import { type Definitions, freshNode } from './evolve.ts';
import { graphOf, withDescendants } from './graph.ts';
import {
  closes,
  definitionOf,
  edgeTaken,
  indexOf,
  isBad,
  isDispatched,
  letIn,
  lookAt,
  nodeAt,
  refOf,
} from './nodes.ts';
import { refusal } from './refusal.ts';
import { type Node, type RunState, WAITING } from './state.ts';

export interface RestartChoice {
  /** What goes back to waiting, in the words of the version that the run goes on with. */
  readonly reset: readonly string[];
  readonly keeps: readonly string[];
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
  const graph = graphOf(target);
  const newName = namesOf(target, command.mapping ?? {});
  const from = command.from ?? failures(state).map((ref) => renamed(ref, newName));
  const seeds = new Set<number>();
  const items: string[] = [];
  for (const ref of from) {
    const name = ref.replace(/\[\d+\]$/, '');
    const index = graph.index.get(name);
    if (index === undefined) return refusal('task.unknown', `the workflow has no task "${ref}"`);
    if (name === ref) {
      seeds.add(index);
    } else {
      if (indexOf(state, ref) === undefined)
        return refusal('task.unknown', `the run has no task "${ref}"`);
      items.push(ref);
      for (const edge of graph.out[index] ?? []) seeds.add(edge.to);
    }
  }
  const whole = withDescendants(graph, seeds);
  // Tasks that the old version did not have begin in any case.
  const reset = [...whole]
    .toSorted((a, b) => a - b)
    .map((index) => target.tasks[index]?.name ?? bug('name'));
  const known = new Set(reset);
  const named = [...items.filter((ref) => !known.has(ref.replace(/\[\d+\]$/, ''))), ...reset];
  if (named.length === 0) {
    return refusal('restart.nothing', 'no task of this run failed; name tasks to restart from');
  }
  return {
    reset: named,
    keeps: target.tasks.map((task) => task.name).filter((name) => !known.has(name)),
  };
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

/** Old name → new name. */
function namesOf(
  target: Definition,
  mapping: Readonly<Record<string, string>>,
): Map<string, string> {
  const names = new Map(target.tasks.map((task) => [task.name, task.name]));
  for (const [to, from] of Object.entries(mapping)) names.set(from, to);
  return names;
}

function renamed(ref: string, names: Map<string, string>): string {
  const match = /^(.+?)(\[\d+\])?$/.exec(ref);
  const name = match?.[1] ?? ref;
  return `${names.get(name) ?? name}${match?.[2] ?? ''}`;
}

export function restart(state: RunState, event: RunRestarted, definitions: Definitions): void {
  const old = { nodes: state.nodes, graph: state.graph, definition: state.definition };
  if (event.version !== undefined && event.version !== state.version) {
    state.version = event.version;
    state.definition = definitions(state.workflow, event.version);
    state.graph = graphOf(state.definition);
  }
  delete state.end;
  delete state.cancel;
  if (state.definition.timeoutMs !== undefined)
    state.deadline = event.at + state.definition.timeoutMs;
  const reset = new Set(event.reset);
  const oldName = event.mapping ?? {};
  const nodes: Node[] = state.definition.tasks.map((task, index) => {
    const before = old.graph.index.get(oldName[task.name] ?? task.name);
    const node = before === undefined ? undefined : old.nodes[before];
    if (node === undefined) return freshNode(index, 0);
    return reset.has(task.name) ? resetNode(node, index, old.nodes) : { ...node, task: index };
  });
  state.nodes = nodes;
  const reopened = carryItems(state, old.nodes, reset);
  recount(state);
  for (const parent of reopened) letIn(state, parent, event.at);
  state.definition.tasks.forEach((_, index) => lookAt(state, index, event.at));
}

/** A task that starts afresh; only its attempt numbers go on. */
function resetNode(node: Node, task: number, nodes: readonly Node[]): Node {
  let attempt = node.attempt;
  for (let i = 0; i < (node.items?.values.length ?? 0); i++) {
    attempt = Math.max(attempt, nodes[(node.items?.first ?? 0) + i]?.attempt ?? 0);
  }
  return { ...freshNode(task, 0), attempt, ...(node.hold !== undefined && { hold: node.hold }) };
}

/** Moves the items of kept mapped tasks behind the new nodes, and opens those that are reset. */
function carryItems(state: RunState, nodes: readonly Node[], reset: ReadonlySet<string>): number[] {
  const reopened: number[] = [];
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
        ...(again && { status: WAITING, failures: 0, rounds: 0 }),
      };
      state.nodes.push(item);
      if (again) opened = true;
      if (item.status.name === 'waiting') moved.pending.push(position);
      if (item.status.name === 'ended') moved.ended += 1;
      if (isBad(item.status)) moved.failed += 1;
    });
    moved.pending.reverse();
    if (opened) {
      const status = node.status;
      const startedAt = status.name === 'ended' ? (status.startedAt ?? status.endedAt) : 0;
      if (status.name === 'ended') {
        node.status = { name: 'running', attempt: status.attempt, startedAt };
        node.closed = false;
      }
      reopened.push(parent);
    }
  });
  return reopened;
}

/** Counts and edges from scratch: a restart is rare, so it may look at the whole run. */
function recount(state: RunState): void {
  state.alive = 0;
  state.ended = 0;
  state.failed = 0;
  state.agenda = [];
  state.touched = [];
  state.nodes.forEach((node, index) => {
    node.closed = closes(state, node);
    state.touched.push(index);
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
