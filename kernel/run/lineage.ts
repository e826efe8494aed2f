/**
 * Which task of a version continues as which task of another one, and whether it can: what a
 * restart on a newer version keeps of a run.
 *
 * An attempt under way must stay reachable: its key holds the task's name, its job belongs to one
 * action. So a task that is alive is carried only under its own name and with the same work; one
 * that has ended only while it is still the same kind of task, or its end would mean nothing.
 */
import type { Definition, SwitchCase, TaskDefinition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import type { Graph } from './graph.ts';
import type { Node } from './state.ts';

type Mapping = Readonly<Record<string, string>>;

/** By position in `target`: the position in the old version that it continues. */
export function lineageOf(
  old: Graph,
  target: Definition,
  mapping: Mapping = {},
): (number | undefined)[] {
  const moved = new Set(Object.values(mapping));
  if (target === old.definition && moved.size === 0) return target.tasks.map((_, index) => index);
  return target.tasks.map(({ name }) => {
    const former = Object.hasOwn(mapping, name) ? mapping[name] : undefined;
    if (former !== undefined) return old.index.get(former);
    return moved.has(name) ? undefined : old.index.get(name);
  });
}

/** Whether the node of task `before` can continue as task `after`. */
export function canCarry(
  node: Node,
  before: readonly [Definition, TaskDefinition],
  after: readonly [Definition, TaskDefinition],
): boolean {
  if (node.status.name === 'waiting')
    return node.steer === undefined || casesOf(before) === casesOf(after);
  const [, was] = before;
  const [, is] = after;
  if (was.body.kind !== is.body.kind || (was.each === undefined) !== (is.each === undefined))
    return false;
  if (casesOf(before) !== casesOf(after)) return false;
  return node.status.name === 'ended' || (was.name === is.name && workKeyOf(was) === workKeyOf(is));
}

/** The cases of a switch as text: a branch is known by its position among them. */
function casesOf([definition, task]: readonly [Definition, TaskDefinition]): string {
  if (task.body.kind !== 'switch') return '';
  const plain = (each: SwitchCase) => [
    each.when ?? null,
    each.then.map((index) => definition.tasks[index]?.name ?? bug(`no task at ${index}`)),
  ];
  return JSON.stringify(task.body.cases.map(plain));
}

/** Where the work of a task is done, and by what. */
function workKeyOf({ body }: TaskDefinition): string {
  switch (body.kind) {
    case 'action':
      return JSON.stringify([body.action, body.system ?? null]);
    case 'workflow':
      return body.workflow;
    case 'switch':
    case 'wait':
    case 'approve':
      return '';
  }
}
