/**
 * The graph of a definition in the form that makes readiness incremental: edges by source and by
 * target, names by position. Built once per definition and shared by all of its runs.
 */
import type { Definition, Edge, EdgeEnd, End, TaskDefinition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import type { Portions } from '../../model/portions.ts';

export interface Graph {
  readonly definition: Definition;
  readonly out: readonly (readonly Edge[])[];
  readonly in: readonly (readonly Edge[])[];
  readonly index: ReadonlyMap<string, number>;
  /** Tasks without an edge to them: where a run begins. */
  readonly roots: readonly number[];
}

/** So many tasks or edges are placed in a millisecond or two. */
const PLACED_AT_ONCE = 10_000;

/** In portions: there may be 100,000 tasks. */
export function* makingGraph(definition: Definition): Portions<Graph> {
  const { tasks, edges } = definition;
  const out: Edge[][] = [];
  const into: Edge[][] = [];
  const index = new Map<string, number>();
  for (let at = 0; at < tasks.length; at++) {
    out.push([]);
    into.push([]);
    index.set((tasks[at] ?? bug('task')).name, at);
    if (at % PLACED_AT_ONCE === PLACED_AT_ONCE - 1) yield;
  }
  for (let at = 0; at < edges.length; at++) {
    const edge = edges[at] ?? bug('edge');
    (out[edge.from] ?? bug(`edge from ${edge.from}`)).push(edge);
    (into[edge.to] ?? bug(`edge to ${edge.to}`)).push(edge);
    if (at % PLACED_AT_ONCE === PLACED_AT_ONCE - 1) yield;
  }
  const roots: number[] = [];
  for (let at = 0; at < into.length; at++) if (into[at]?.length === 0) roots.push(at);
  return { definition, out, in: into, index, roots };
}

export function taskAt(graph: Graph, index: number): TaskDefinition {
  return graph.definition.tasks[index] ?? bug(`no task at ${index}`);
}

/** The edges from a task to those that follow it. */
export function edgesFrom(graph: Graph, task: number): readonly Edge[] {
  return graph.out[task] ?? bug(`no task at ${task}`);
}

/** The edges to a task from those that it follows. */
export function edgesTo(graph: Graph, task: number): readonly Edge[] {
  return graph.in[task] ?? bug(`no task at ${task}`);
}

/** Whether an edge that asks for `on` is taken by this end. Branches are decided by the switch. */
export function takes(on: EdgeEnd, end: End): boolean {
  switch (on) {
    case 'succeeded':
      return end === 'succeeded' || end === 'warned';
    case 'failed':
      return end === 'failed' || end === 'timed-out';
    case 'done':
      return end !== 'skipped';
    case 'warned':
    case 'timed-out':
    case 'cancelled':
    case 'skipped':
      return end === on;
    case 'branch':
      return false;
  }
}

/** By position of a task: 1 where it is meant. */
export type Marks = Uint8Array;

/** The given tasks and everything that follows them. */
export function withDescendants(graph: Graph, from: Iterable<number>): Marks {
  const marks = new Uint8Array(graph.definition.tasks.length);
  const found: number[] = [];
  const mark = (task: number) => {
    if (marks[task] !== 0) return;
    marks[task] = 1;
    found.push(task);
  };
  for (const task of from) mark(task);
  // What is marked meanwhile is visited, too.
  for (const task of found) for (const edge of edgesFrom(graph, task)) mark(edge.to);
  return marks;
}

/** The names of these tasks, in their order. */
export function namesOf(graph: Graph, marks: Marks): string[] {
  const names: string[] = [];
  for (let at = 0; at < marks.length; at++) if (marks[at] === 1) names.push(taskAt(graph, at).name);
  return names;
}
