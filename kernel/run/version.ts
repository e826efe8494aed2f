/**
 * A version made ready for its runs: its definition with the graph, and its expressions, compiled as
 * they are first needed. It is made once, when the version is loaded; all runs of the version hold it.
 */
import {
  compileExpression,
  compileTemplate,
  type Expression,
  type Template,
} from '../../language/expression.ts';
import type { Addresses } from '../../model/action.ts';
import type { Definition } from '../../model/definition.ts';
import type { Json } from '../../model/json.ts';
import { inOneGo, type Portions } from '../../model/portions.ts';
import { type Graph, makingGraph } from './graph.ts';

/** The compiled expressions of one version: what they are made of stands in its definition, so they are bounded by it. */
export class CompiledExpressions {
  readonly #expressions = new Map<string, Expression>();
  readonly #templates = new Map<object, Template>();
  readonly #singles = new Map<Json, Template>();

  expression(source: string): Expression {
    const known = this.#expressions.get(source);
    if (known !== undefined) return known;
    const compiled = compileExpression(source);
    this.#expressions.set(source, compiled);
    return compiled;
  }

  /** `addresses`: the same each time for one value. */
  template(value: object, addresses?: Addresses): Template {
    const known = this.#templates.get(value);
    if (known !== undefined) return known;
    const compiled = compileTemplate(value as Json, undefined, addresses);
    this.#templates.set(value, compiled);
    return compiled;
  }

  /** Of one value, which may be a text. What it renders is a list with that value. */
  single(value: Json): Template {
    const known = this.#singles.get(value);
    if (known !== undefined) return known;
    const compiled = compileTemplate([value]);
    this.#singles.set(value, compiled);
    return compiled;
  }
}

export interface PreparedVersion {
  readonly graph: Graph;
  readonly expressions: CompiledExpressions;
}

export function prepared(definition: Definition): PreparedVersion {
  return inOneGo(preparing(definition));
}

/** In portions. */
export function* preparing(definition: Definition): Portions<PreparedVersion> {
  const graph = yield* makingGraph(definition);
  return { graph, expressions: new CompiledExpressions() };
}
