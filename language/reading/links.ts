/** Edges that the file draws: `needs` and the branches of switches. */
import type { Edge, EdgeEnd } from '../../model/definition.ts';
import { didYouMean } from '../../model/suggestion.ts';
import type { Draft } from './draft.ts';
import type { Path, Report } from '../../model/issue.ts';

interface Linking {
  readonly positions: ReadonlyMap<string, number>;
  readonly report: Report;
}

/** Edges into the task, and the names that they come from. */
export function lowerNeeds(
  draft: Draft,
  { positions, report }: Linking,
): { readonly edges: readonly Edge[]; readonly sources: ReadonlySet<string> } {
  const edges: Edge[] = [];
  const sources = new Set<string>();
  for (const { task, ends, path, at } of draft.needs.all()) {
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
  if (edge.branch !== undefined) {
    const branch = from.fields.switch?.[edge.branch];
    const word = branch?.else === undefined ? 'then' : 'else';
    const targets = branch?.then ?? branch?.else;
    const inside = Array.isArray(targets) ? [targets.indexOf(to.name)] : [];
    return { path: [...from.path, 'switch', edge.branch, word, ...inside], at: 'value' };
  }
  const need = to.needs.of(from.name);
  // Without one it is a reference that implies the edge.
  return need === undefined ? { path: to.path, at: 'key' } : { path: need.path, at: need.at };
}
