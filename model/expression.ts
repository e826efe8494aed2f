/**
 * Expressions: CEL behind a narrow door. (Skeleton: signatures first, see the reader's helper.)
 */
import type { Json, JsonObject } from './json.ts';
import { bug } from './errors.ts';

/** What an expression can see of a task of the same run. */
export interface TaskFacts {
  readonly status: string;
  readonly output: Json;
  readonly attempt: number;
}

export interface Scope {
  readonly inputs: JsonObject;
  readonly run: {
    readonly id: string;
    readonly workflow: string;
    readonly version: number;
    readonly key: string;
    readonly businessDate: string;
  };
  /** At least the tasks that the expression refers to. */
  readonly tasks: Readonly<Record<string, TaskFacts>>;
  /** Inside a mapped task: the item and its position. */
  readonly item?: Json;
  readonly index?: number;
  /** In `warn` and `until`: the output of the attempt. */
  readonly output?: Json;
  /** In `with`: the attempt's key and number. */
  readonly attempt?: { readonly key: string; readonly number: number };
}

export class ExpressionError extends Error {
  /** Offset in the source where it goes wrong, when known. */
  readonly offset: number | undefined;
  constructor(message: string, offset?: number) {
    super(message);
    this.name = 'ExpressionError';
    this.offset = offset;
  }
}

export interface Expression {
  readonly source: string;
  /** Names of the tasks it refers to. */
  readonly tasks: readonly string[];
  /** Throws ExpressionError. */
  evaluate(scope: Scope): Json;
}

export interface Template {
  /** True when nothing in it depends on the scope. */
  readonly constant: boolean;
  readonly tasks: readonly string[];
  render(scope: Scope): Json;
}

/** Compiles a bare expression, or one wrapped in a single `${{ }}`. Throws ExpressionError. */
export function compileExpression(_source: string): Expression {
  return bug('not built yet');
}

/**
 * Compiles every `${{ }}` inside a JSON value. A string that is one `${{ }}` and nothing else
 * renders to the value with its type; any other mixture renders to text.
 */
export function compileTemplate(_value: Json): Template {
  return bug('not built yet');
}
