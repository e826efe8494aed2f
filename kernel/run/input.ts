/** What an attempt is given: `with` of an action, the inputs of a child run, with their expressions evaluated. */
import type { Addresses } from '../../model/action.ts';
import type { Json } from '../../model/json.ts';
import type { Failure } from '../../model/run.ts';
import { nodeAt, taskOf } from './nodes.ts';
import { type Extras, expressionFailure, scopeOf } from './scope.ts';
import type { RunState } from './state.ts';

export interface Input {
  readonly value: Json;
  /** It depends on nothing: each attempt of each run of this version is given the same. */
  readonly constant: boolean;
}

/** `addresses`: which texts of it are addresses. A task that needs no input is given an empty one. */
export function inputOf(
  state: RunState,
  index: number,
  attempt?: Extras['attempt'],
  addresses?: Addresses,
): Input | Failure {
  const { body } = taskOf(state, index);
  const source = body.kind === 'action' ? body.with : body.kind === 'workflow' ? body.inputs : {};
  const template = state.expressions.template(source, addresses);
  if (template.constant) return { value: source, constant: true };
  try {
    const extras = attempt === undefined ? {} : { attempt };
    const scope = scopeOf(state, template.tasks, nodeAt(state, index), extras);
    return { value: template.render(scope), constant: false };
  } catch (error) {
    return expressionFailure(error);
  }
}
