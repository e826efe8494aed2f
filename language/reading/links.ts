/** Edges that the file draws: `needs` and the branches of switches. */
import type { Edge, EdgeEnd } from '../../model/definition.ts';
import { didYouMean } from '../../model/suggestion.ts';
import { NEED_ENDS } from '../workflow.ts';
import type { Draft } from './draft.ts';
import type { Path, Report } from '../../model/issue.ts';

interface Need {
  readonly task: string;
  readonly ends: readonly (typeof NEED_ENDS)[number][];
  readonly path: Path;
  readonly at: 'key' | 'value';
}

/** The three spellings of `needs`, as one. */
function needsOf({ fields: { needs }, path }: Draft): readonly Need[] {
  if (needs === undefined) return [];
  const base = [...path, 'needs'];
  if (typeof needs === 'string')
    return [{ task: needs, ends: ['succeeded'], path: base, at: 'value' }];
  if (Array.isArray(needs)) {
    return needs.map((task, position) => {
      return { task, ends: ['succeeded'], path: [...base, position], at: 'value' };
    });
  }
  return Object.entries(needs).map(([task, ends]) => {
    return {
      task,
      ends: typeof ends === 'string' ? [ends] : ends,
      path: [...base, task],
      at: 'key',
    };
  });
}

interface Linking {
  readonly positions: ReadonlyMap<string, number>;
  readonly report: Report;
}

const indexes = new WeakMap<Draft, ReadonlyMap<string, Need>>();

/** What the task says of the other one; many may ask, of a task with many needs. */
export function needOf(draft: Draft, task: string): Need | undefined {
  let index = indexes.get(draft);
  if (index === undefined) {
    // Of two the first.
    index = new Map(
      needsOf(draft)
        .toReversed()
        .map((need) => [need.task, need]),
    );
    indexes.set(draft, index);
  }
  return index.get(task);
}

/** Edges into the task, and the names that they come from. */
export function lowerNeeds(
  draft: Draft,
  { positions, report }: Linking,
): { readonly edges: readonly Edge[]; readonly sources: ReadonlySet<string> } {
  const edges: Edge[] = [];
  const sources = new Set<string>();
  for (const { task, ends, path, at } of needsOf(draft)) {
    const from = positions.get(task);
    if (from === undefined) reportUnknownTask(task, path, at, positions, report);
    else if (from === draft.position) {
      report({
        code: 'graph.cycle',
        message: `the task waits for itself: ${task} → ${task}`,
        path,
        at,
      });
    } else if (sources.has(task)) {
      report({ code: 'field.value', message: `"${task}" stands here twice`, path, at });
    } else {
      for (const on of new Set<EdgeEnd>(ends)) edges.push({ from, to: draft.position, on });
    }
    sources.add(task);
  }
  return { edges, sources };
}

export function reportUnknownTask(
  task: string,
  path: Path,
  at: 'key' | 'value',
  positions: ReadonlyMap<string, number>,
  report: Report,
): void {
  const hint = () => didYouMean(task, positions.keys());
  report({ code: 'task.unknown', message: `there is no task "${task}"`, path, at, hint });
}

/** Where the file draws this edge. */
export function originOf(
  edge: Edge,
  drafts: readonly Draft[],
): { readonly path: Path; readonly at: 'key' | 'value' } {
  const from = drafts[edge.from];
  const to = drafts[edge.to];
  if (from === undefined || to === undefined) return { path: ['tasks'], at: 'key' };
  if (edge.on === 'branch') {
    const branch = from.fields.switch?.[edge.branch ?? 0];
    const word = branch?.else === undefined ? 'then' : 'else';
    const targets = branch?.then ?? branch?.else;
    const inside = Array.isArray(targets) ? [targets.indexOf(to.name)] : [];
    return { path: [...from.path, 'switch', edge.branch ?? 0, word, ...inside], at: 'value' };
  }
  const need = needOf(to, from.name);
  // Without one it is a reference that implies the edge.
  return need === undefined ? { path: to.path, at: 'key' } : { path: need.path, at: need.at };
}
