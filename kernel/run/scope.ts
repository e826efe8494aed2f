/**
 * What an expression sees of a run. Only the tasks
 * that an expression names are gathered, so a scope costs nothing in a run of 100,000 tasks.
 */
import { ExpressionError, type Scope, type TaskFacts } from '../../language/expression.ts';
import type { Json } from '../../model/json.ts';
import { bug } from '../../model/errors.ts';
import type { Failure } from '../../model/run.ts';
import { definitionOf, indexOf, isMapped, itemOf, nodeAt } from './nodes.ts';
import type { Node, RunState } from './state.ts';
import { statusOf } from './status.ts';

export interface Extras {
  readonly item?: Json;
  readonly index?: number;
  readonly output?: Json;
  readonly attempt?: { readonly key: string; readonly number: number };
}

/** The scope of a node for an expression that names these tasks. */
export function scopeOf(
  state: RunState,
  names: readonly string[],
  node?: Node,
  extras: Extras = {},
): Scope {
  const tasks: Record<string, TaskFacts> = Object.create(null) as Record<string, TaskFacts>;
  for (const name of names) {
    const index = indexOf(state, name);
    if (index !== undefined) tasks[name] = factsOf(state, index);
  }
  return {
    inputs: state.inputs,
    run: {
      id: state.id,
      workflow: state.workflow,
      version: state.version,
      key: state.key ?? '',
      businessDate: state.businessDate ?? '',
    },
    tasks,
    ...(node?.item !== undefined && itemFacts(state, node)),
    ...extras,
  };
}

function itemFacts(state: RunState, node: Node): Extras {
  const { position, parent } = itemOf(node);
  const { items } = nodeAt(state, parent);
  return { item: items?.values[position] ?? bug('an item has a value'), index: position };
}

function factsOf(state: RunState, index: number): TaskFacts {
  const node = nodeAt(state, index);
  return { status: statusOf(state, node), output: outputOf(state, node), attempt: node.attempt };
}

/** A mapped task's output is the list of its items' outputs: derived, so it has no size limit. */
export function outputOf(state: RunState, node: Node): Json {
  const items = node.items;
  if (items !== undefined && isMapped(definitionOf(state, node), node)) {
    return items.values.map((_, position) =>
      outputOf(state, nodeAt(state, items.first + position)),
    );
  }
  return node.status.name === 'ended' ? (node.status.output ?? null) : null;
}

/** What a condition gives. */
export function isTrue(state: RunState, source: string, node?: Node, extras?: Extras): boolean {
  const expression = state.expressions.expression(source);
  const value = expression.evaluate(scopeOf(state, expression.tasks, node, extras));
  if (typeof value === 'boolean') return value;
  throw new ExpressionError(
    `"${source}" is ${JSON.stringify(value)?.slice(0, 80)}, not true or false`,
  );
}

/** What an expression that cannot be evaluated does to its task or run; every other error is a bug. */
export function expressionFailure(error: unknown, place = ''): Failure {
  if (!(error instanceof ExpressionError)) throw error;
  return { class: 'rejected', code: 'expression.failed', message: `${place}${error.message}` };
}
