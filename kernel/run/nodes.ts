/**
 * How a node changes, and what that does to its neighbours: the only code that writes `status`.
 *
 * An end closes the node's edges; a target whose edges are closed becomes ready or is put on the
 * worklist to be skipped. All of it costs O(edges of the node that ended), whatever the run's size.
 */
import type { Edge, TaskDefinition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import { itemReference, readItemReference } from '../../model/task-reference.ts';
import { edgesFrom, edgesTo, type Marks, takes, taskAt } from './graph.ts';
import { type Ended, type Node, type NodeStatus, type RunState, WAITING } from './state.ts';

export function nodeAt(state: RunState, index: number): Node {
  return state.nodes[index] ?? bug(`no node at ${index}`);
}

export function definitionOf(state: RunState, node: Node): TaskDefinition {
  return taskAt(state.graph, node.task);
}

/** The definition of a node's task. */
export function taskOf(state: RunState, index: number): TaskDefinition {
  return definitionOf(state, nodeAt(state, index));
}

/** Whether this attempt stands in the queue: nothing of it has begun that the journal knows of. */
export function isQueued(state: RunState, index: number, attempt: number): boolean {
  const { status } = nodeAt(state, index);
  return status.name === 'queued' && status.attempt === attempt;
}

/** Which item of which mapped task an item's node is. */
export function itemOf(node: Node): NonNullable<Node['item']> {
  return node.item ?? bug('not an item');
}

/** The node that is the mapped task itself, not one of its items. */
export function isMapped(definition: TaskDefinition, node: Node): boolean {
  return definition.each !== undefined && node.item === undefined;
}

/** Whether a connector or a child run does the work; everything else the kernel does by itself. */
export function isDispatched(definition: TaskDefinition, node: Node): boolean {
  if (isMapped(definition, node)) return false;
  return definition.body.kind === 'action' || definition.body.kind === 'workflow';
}

export function isHeld(state: RunState, node: Node): boolean {
  return node.hold !== undefined || state.hold !== undefined;
}

export function refOf(state: RunState, index: number): string {
  const node = nodeAt(state, index);
  const name = definitionOf(state, node).name;
  return node.item === undefined ? name : itemReference(name, node.item.position);
}

/** The node of a reference, `name` or `name[3]`. */
export function indexOf(state: RunState, ref: string): number | undefined {
  const plain = state.graph.index.get(ref);
  if (plain !== undefined) return plain;
  const item = readItemReference(ref);
  const parent = item === undefined ? undefined : state.graph.index.get(item.name);
  if (item === undefined || parent === undefined) return undefined;
  const { items } = nodeAt(state, parent);
  if (items === undefined || item.position >= items.values.length) return undefined;
  return items.first + item.position;
}

/** The first of these tasks that something outside works for. */
export function underway(state: RunState, tasks: Marks): string | undefined {
  const found = state.nodes.find((node) => tasks[node.task] === 1 && isOutside(state, node));
  return found === undefined ? undefined : definitionOf(state, found).name;
}

/** Something outside works for it; a wait, or a mapped task between its items, can just be left. */
export function isOutside(state: RunState, node: Node): boolean {
  const { name } = node.status;
  return (
    (name === 'running' || name === 'unknown') && isDispatched(definitionOf(state, node), node)
  );
}

/** An end that fails the run unless a task takes it. */
export function isFailure(status: NodeStatus): boolean {
  return (
    status.name === 'ended' &&
    (status.end === 'failed' || status.end === 'timed-out' || status.end === 'cancelled')
  );
}

function count(state: RunState, node: Node, by: 1 | -1): void {
  const status = node.status;
  switch (status.name) {
    case 'waiting':
      return;
    case 'ended':
      state.ended += by;
      if (node.item === undefined && !node.closed && isFailure(status)) state.failed += by;
      return;
    case 'queued':
    case 'running':
    case 'unknown':
    case 'retrying':
    case 'deciding':
      state.alive += by;
  }
}

export function put(state: RunState, index: number, status: NodeStatus): void {
  const node = nodeAt(state, index);
  count(state, node, -1);
  openEdges(state, index, node);
  node.status = status;
  count(state, node, 1);
  state.touched.push(index);
}

/**
 * A node whose end was passed on is to end again: what still waits behind it waits for the new
 * end. So `open` and `taken` always are what the ends of the sources say, and nothing else.
 */
function openEdges(state: RunState, index: number, node: Node): void {
  const source = node.status;
  if (!node.closed || source.name !== 'ended') return;
  node.closed = false;
  for (const edge of edgesFrom(state.graph, index)) {
    const target = nodeAt(state, edge.to);
    target.open += 1;
    if (edgeTaken(edge, source)) target.taken -= 1;
  }
}

/** Ends a node and tells its neighbours: dependents along its edges, or its mapped task. */
export function end(state: RunState, index: number, status: Ended): void {
  const node = nodeAt(state, index);
  count(state, node, -1);
  openEdges(state, index, node);
  node.status = status;
  node.closed = state.cancel === undefined && closes(state, node);
  count(state, node, 1);
  state.touched.push(index);
  if (node.item !== undefined) itemEnded(state, node.item.parent, status);
  else if (node.closed) closeEdges(state, index, status.endedAt);
}

/** An end is passed on unless it is a failure that no edge takes: then dependents are blocked. */
export function closes(state: RunState, node: Node): boolean {
  const status = node.status;
  if (status.name !== 'ended' || node.item !== undefined) return false;
  if (!isFailure(status)) return true;
  return edgesFrom(state.graph, node.task).some((edge) => takes(edge.on, status.end));
}

export function edgeTaken(edge: Edge, source: Ended): boolean {
  if (edge.implied === true) return false;
  if (edge.on === 'branch') return source.branch === edge.branch;
  // Skipped by an operator: dependents proceed as if it had succeeded.
  if (source.because === 'operator') return takes(edge.on, 'succeeded') || edge.on === 'skipped';
  return takes(edge.on, source.end);
}

function closeEdges(state: RunState, index: number, at: number): void {
  const source = nodeAt(state, index).status;
  if (source.name !== 'ended') return bug('edges close at an end');
  for (const edge of edgesFrom(state.graph, index)) {
    const target = nodeAt(state, edge.to);
    target.open -= 1;
    if (edgeTaken(edge, source)) target.taken += 1;
    updateReadiness(state, edge.to, at);
  }
}

/** A waiting node whose edges allow it becomes ready; one that none will take is to be skipped. */
export function updateReadiness(state: RunState, index: number, at: number): void {
  const node = nodeAt(state, index);
  if (node.status.name !== 'waiting' || node.item !== undefined) return;
  const definition = definitionOf(state, node);
  if (edgesAllow(state, index, node, definition)) ready(state, index, node, definition, at);
  else if (node.open === 0) state.worklist.push(index);
}

/** Whether its edges let a waiting node of a task start (its `when` and holds aside): the rule of readiness. */
export function edgesAllow(
  state: RunState,
  index: number,
  node: Node,
  definition: TaskDefinition,
): boolean {
  const allow = definition.join === 'any' ? node.taken > 0 : node.open === 0 && node.taken > 0;
  return allow || edgesTo(state.graph, index).length === 0;
}

function ready(
  state: RunState,
  index: number,
  node: Node,
  definition: TaskDefinition,
  at: number,
): void {
  if (definition.when !== undefined && node.admitted === undefined) {
    state.worklist.push(index);
  } else {
    queue(state, index, at);
  }
}

/** A new attempt stands in the queue. */
export function queue(state: RunState, index: number, at: number): void {
  const node = nodeAt(state, index);
  node.attempt += 1;
  put(state, index, { name: 'queued', attempt: node.attempt, since: at });
  if (!isDispatched(definitionOf(state, node), node)) state.worklist.push(index);
}

/** Lets items in up to the limit of the mapped task. */
export function admitItems(state: RunState, parent: number, at: number): void {
  const node = nodeAt(state, parent);
  const items = node.items ?? bug('a mapped task has items');
  const parallel = definitionOf(state, node).each?.parallel ?? bug('a mapped task has each');
  while (items.pending.length > 0) {
    const active = items.values.length - items.ended - items.pending.length;
    if (active >= parallel) return;
    const position = items.pending.pop() ?? bug('pending');
    queue(state, items.first + position, at);
  }
}

function itemEnded(state: RunState, parent: number, status: Ended): void {
  const node = nodeAt(state, parent);
  const items = node.items ?? bug('an item has a mapped task');
  items.ended += 1;
  if (isFailure(status)) items.failed += 1;
  if (state.cancel !== undefined) return;
  admitItems(state, parent, status.endedAt);
  if (items.ended === items.values.length) state.worklist.push(parent);
}

/** Takes an item out of the counts of its mapped task, which is open again if it had ended. */
export function uncountItem(state: RunState, node: Node, parent: number): void {
  const mapped = nodeAt(state, parent);
  const items = mapped.items ?? bug('an item has a mapped task');
  const { status } = mapped;
  if (node.status.name === 'waiting') {
    const turn = items.pending.indexOf(itemOf(node).position);
    if (turn >= 0) items.pending.splice(turn, 1);
  }
  if (node.status.name !== 'ended') return;
  items.ended -= 1;
  if (isFailure(node.status)) items.failed -= 1;
  if (status.name !== 'ended') return;
  const startedAt = status.startedAt ?? status.endedAt;
  put(state, parent, { name: 'running', attempt: status.attempt, startedAt });
}

/** An item runs again, when its turn comes. */
export function reopenItem(state: RunState, index: number, at: number): void {
  const node = nodeAt(state, index);
  const { position, parent } = itemOf(node);
  const items = nodeAt(state, parent).items ?? bug('an item has a mapped task');
  uncountItem(state, node, parent);
  put(state, index, WAITING);
  items.pending.push(position);
  admitItems(state, parent, at);
}

export function freshNode(task: number, open: number): Node {
  return {
    task,
    status: WAITING,
    open,
    taken: 0,
    closed: false,
    attempt: 0,
    failures: 0,
    rounds: 0,
  };
}

/** A run that begins or continues has its whole timeout before it. */
export function renewDeadline(state: RunState, now: number): void {
  const { timeoutMs } = state.definition;
  if (timeoutMs === undefined) delete state.deadline;
  else state.deadline = now + timeoutMs;
}
