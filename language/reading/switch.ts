/** A switch: its cases, and the edges that they draw. */
import type { Body, Edge, SwitchCase } from '../../model/definition.ts';
import type { Draft } from './draft.ts';
import type { Path } from '../../model/issue.ts';
import { reportUnknownTask } from './links.ts';
import type { Refer, Workshop } from './workshop.ts';

type Case = NonNullable<Draft['fields']['switch']>[number];

export function lowerSwitch(
  draft: Draft,
  workshop: Workshop,
  refer: Refer,
): { readonly body: Body; readonly branches: readonly Edge[] } {
  const written = draft.fields.switch ?? [];
  const branches: Edge[] = [];
  const cases = written.map((branch, position): SwitchCase => {
    const path = [...draft.path, 'switch', position];
    const isElse = branch.else !== undefined;
    checkCase(branch, path, position === written.length - 1, workshop);
    const when = isElse || branch.when === undefined ? undefined : String(branch.when);
    if (when !== undefined) {
      const where = { path: [...path, 'when'], place: {}, task: draft.name };
      refer(workshop.expressions.expression(when, where, 'bool'));
    }
    const word = isElse ? 'else' : 'then';
    const targets = branch[word] ?? [];
    const then = lowerTargets(draft, targets, [...path, word], workshop);
    for (const to of then) {
      branches.push({ from: draft.position, to, on: 'branch', branch: position });
      const switches = workshop.branches.get(to) ?? new Set();
      workshop.branches.set(to, switches.add(draft.position));
    }
    // oxlint-disable-next-line unicorn/no-thenable -- the word of the definition; it is never awaited
    return { ...(when !== undefined && { when }), then };
  });
  return { body: { kind: 'switch', cases }, branches };
}

function checkCase(branch: Case, path: Path, isLast: boolean, { report }: Workshop): void {
  if (branch.else === undefined) {
    for (const key of ['when', 'then'] as const) {
      if (branch[key] !== undefined) continue;
      report({ code: 'field.missing', message: `the case has no "${key}"`, path });
    }
    return;
  }
  for (const key of ['when', 'then'] as const) {
    if (branch[key] === undefined) continue;
    const message = `"else" must be alone, without "${key}"`;
    report({ code: 'field.misplaced', message, path: [...path, key], at: 'key' });
  }
  if (isLast) return;
  const message = '"else" must be the last case: cases after it are never reached';
  report({ code: 'field.misplaced', message, path: [...path, 'else'], at: 'key' });
}

function lowerTargets(
  draft: Draft,
  targets: string | readonly string[],
  path: Path,
  workshop: Workshop,
): readonly number[] {
  const { positions, report, drafts } = workshop;
  const found = new Set<number>();
  const list = typeof targets === 'string' ? [targets] : targets;
  list.forEach((target, place) => {
    const at = typeof targets === 'string' ? path : [...path, place];
    const position = positions.get(target);
    const task = position === undefined ? undefined : drafts[position];
    if (position === undefined || task === undefined) {
      reportUnknownTask(target, at, 'value', positions, report);
    } else if (position === draft.position) {
      const message = `the switch leads to itself: ${target} → ${target}`;
      report({ code: 'graph.cycle', message, path: at });
    } else if (found.has(position)) {
      report({ code: 'field.value', message: `"${target}" stands here twice`, path: at });
    } else {
      refuseDoubleEdge(draft, task, workshop);
      found.add(position);
    }
  });
  return [...found];
}

/** The branch draws the edge already; `needs` beside it would be taken whatever the switch says. */
function refuseDoubleEdge(draft: Draft, target: Draft, { report, branches }: Workshop): void {
  if (branches.get(target.position)?.has(draft.position) === true) return;
  const need = target.needs.of(draft.name);
  if (need === undefined) return;
  report({
    code: 'task.twice',
    message: `the switch "${draft.name}" leads to "${target.name}", which also needs it`,
    path: need.path,
    at: need.at,
    hint: `remove "${draft.name}" from needs: the switch draws the edge`,
  });
}
