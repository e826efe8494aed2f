/** Why a task was skipped, in words: which ends its edges wait for, and which their sources had. */
import type { Edge, EdgeEnd, End } from '../../model/definition.ts';
import { edgesTo, taskAt } from './graph.ts';
import { definitionOf, nodeAt } from './nodes.ts';
import type { Node, RunState } from './state.ts';

/** So many sources are named; more make no readable sentence. */
const MOST_NAMED = 3;

/** Of a task that was skipped by the workflow; what an operator skipped has the operator's reason. */
export function skipReasonOf(state: RunState, index: number): string | undefined {
  const node = nodeAt(state, index);
  const { status } = node;
  if (status.name !== 'ended' || status.end !== 'skipped') return undefined;
  if (status.because === 'edges') return byEdges(state, index);
  const { when } = definitionOf(state, node);
  return status.because === 'when' && when !== undefined
    ? `its condition \`${when}\` is false`
    : undefined;
}

function byEdges(state: RunState, index: number): string {
  const bySource = new Map<number, Edge[]>();
  for (const edge of edgesTo(state.graph, index)) {
    if (edge.implied === true) continue;
    bySource.set(edge.from, [...(bySource.get(edge.from) ?? []), edge]);
  }
  const sources = [...bySource].map(([from, edges]) => ({
    name: taskAt(state.graph, from).name,
    node: nodeAt(state, from),
    edges,
  }));
  const [only, ...others] = sources;
  if (only !== undefined && others.length === 0) return sentenceOf(only);
  const wanted = sources.map(({ name, edges }) => `"${name}" ${wantedOf(edges)}`);
  const more = wanted.length - MOST_NAMED;
  const rest = more > 0 ? [`${more} more`] : [];
  return `it runs only if ${[...wanted.slice(0, MOST_NAMED), ...rest].join(' or ')}`;
}

interface Source {
  readonly name: string;
  readonly node: Node;
  readonly edges: readonly Edge[];
}

function sentenceOf({ name, node: { status }, edges }: Source): string {
  if (status.name !== 'ended') return `it runs only if "${name}" ${wantedOf(edges)}`;
  const isBranch = edges.every(({ on }) => on === 'branch');
  if (isBranch && status.end === 'succeeded') return `"${name}" chose another branch`;
  return `"${name}" ${HAD[status.end]}, and this task runs only if it ${wantedOf(edges)}`;
}

function wantedOf(edges: readonly Edge[]): string {
  return [...new Set(edges.map(({ on }) => WANTED[on]))].join(' or ');
}

const HAD: Readonly<Record<End, string>> = {
  succeeded: 'succeeded',
  warned: 'ended with a warning',
  failed: 'failed',
  'timed-out': 'timed out',
  cancelled: 'was cancelled',
  skipped: 'was skipped',
};

const WANTED: Readonly<Record<EdgeEnd, string>> = {
  succeeded: 'succeeds',
  warned: 'ends with a warning',
  failed: 'fails',
  'timed-out': 'times out',
  cancelled: 'is cancelled',
  skipped: 'is skipped',
  done: 'has run',
  branch: 'chooses this branch',
};
