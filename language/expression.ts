/**
 * Expressions: CEL behind a narrow interface.
 *
 * A file says `when: inputs.amount > 10000` or `"${{ tasks.extract.output.rows }} rows"`; this
 * compiles such texts once and evaluates them over a scope of plain JSON, JSON in and JSON out.
 * The CEL library stands behind `expression/`: what it lacks (arithmetic between JSON numbers and
 * literals, limits, patterns in linear time) is added there and nothing else of it is visible.
 *
 *   expression/references   which tasks an expression refers to; what is forbidden
 *   expression/limits       what one evaluation may cost
 *   expression/check        types of inputs and outputs, for the reader
 *   expression/template     `${{ }}` inside texts
 */
import type { ParseResult } from '@marcbachmann/cel-js';
import { type AddressPart, weaveAddress } from './expression/address.ts';
import { type ExpressionTypes, checkTypes } from './expression/check.ts';
import { EVALUATION, EXPRESSION_CHARACTERS } from './expression/environment.ts';
import { ExpressionError, asExpressionError } from './expression/failure.ts';
import { guardTree } from './expression/limits.ts';
import {
  type Reference,
  type Survey,
  allowBracketsInHas,
  survey,
} from './expression/references.ts';
import { OPENING, type TemplatePiece, splitTemplate } from './expression/template.ts';
import { RESULT_CHARACTERS, toJson, toText } from './expression/values.ts';
import type { Addresses } from '../model/action.ts';
import { bug } from '../model/errors.ts';
import type { Json, JsonObject } from '../model/json.ts';

export { ExpressionError } from './expression/failure.ts';
export { type ExpressionTypes, type TypeSource, describeTypes } from './expression/check.ts';
export type { Reference } from './expression/references.ts';

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

export interface Expression {
  readonly source: string;
  /** Names of the tasks it refers to. */
  readonly tasks: readonly string[];
  /** The same with their places in `source`. */
  readonly references: readonly Reference[];
  /** The CEL type of the result, `dyn` where it cannot be known. */
  readonly type: string;
  /** Throws ExpressionError. */
  evaluate(scope: Scope): Json;
}

export interface Template {
  /** True when nothing in it depends on the scope. */
  readonly constant: boolean;
  readonly tasks: readonly string[];
  /** Throws ExpressionError. */
  render(scope: Scope): Json;
}

/**
 * Compiles a bare expression, or one wrapped in a single `${{ }}`. Throws ExpressionError with an
 * offset in `source`. With `types` it is also checked against declared inputs and outputs.
 */
export function compileExpression(source: string, types?: ExpressionTypes): Expression {
  if (source.length > EXPRESSION_CHARACTERS) {
    throw new ExpressionError(`the expression is longer than ${EXPRESSION_CHARACTERS} characters`);
  }
  const lead = source.length - source.trimStart().length;
  if (!source.startsWith(OPENING, lead)) return compile(source, source, 0, types);
  const pieces = splitTemplate(source.trim());
  const [only, second] = pieces;
  if (only === undefined) bug('a text that begins with "${{" has an expression');
  if (second !== undefined) {
    throw new ExpressionError(
      'write one expression here: either bare, or as a whole inside one "${{ }}"',
      lead + second.offset,
    );
  }
  return compile(source, only.text, lead + only.offset, types);
}

/** `inner` is the CEL text, which starts at `shift` in `source`. */
function compile(
  source: string,
  inner: string,
  shift: number,
  types: ExpressionTypes | undefined,
): Expression {
  if (inner.trim() === '') throw new ExpressionError('the expression is empty', shift);
  let parsed: ParseResult;
  let found: Survey;
  let meter: ReturnType<typeof guardTree>;
  let type: string;
  try {
    parsed = EVALUATION.parse(inner);
    found = survey(parsed.ast);
    allowBracketsInHas(parsed.ast);
    const checked = parsed.check();
    if (checked.type === undefined) throw checked.error ?? new ExpressionError('no type');
    type = types === undefined ? checked.type : checkTypes(inner, found, types);
    meter = guardTree(parsed.ast, found);
  } catch (error) {
    throw asExpressionError(error, shift);
  }
  const run =
    meter === undefined ? parsed : (scope: Scope): unknown => meter.run(() => parsed(scope));
  return {
    source,
    tasks: [...new Set(found.references.map(({ task }) => task))],
    references: found.references.map(({ task, offset }) => ({ task, offset: offset + shift })),
    type,
    evaluate(scope) {
      try {
        return toJson(run(scope));
      } catch (error) {
        throw asExpressionError(error, shift);
      }
    },
  };
}

type Render = (scope: Scope) => Json;
interface Compiled {
  readonly render: Render | undefined;
  readonly expressions: readonly Expression[];
}

const CONSTANT: Compiled = { render: undefined, expressions: [] };
const TEMPLATE_DEPTH = 100;

/**
 * Compiles every `${{ }}` inside a JSON value. A string that is one `${{ }}` and nothing else
 * renders to the value with its type; any other mixture renders to text, where `addresses` says so
 * as an address: each value is one part of it.
 */
export function compileTemplate(
  value: Json,
  types?: ExpressionTypes,
  addresses?: Addresses,
): Template {
  const { render, expressions } = compileValue(value, { types, addresses }, 0);
  return {
    constant: render === undefined,
    tasks: [...new Set(expressions.flatMap(({ tasks }) => tasks))],
    render: render ?? (() => value),
  };
}

interface Kind {
  readonly types: ExpressionTypes | undefined;
  readonly addresses: Addresses | undefined;
}

function compileValue(value: Json, kind: Kind, depth: number): Compiled {
  if (depth > TEMPLATE_DEPTH) throw new ExpressionError('the value is nested too deeply');
  if (typeof value === 'string') return compileText(value, kind);
  if (typeof value !== 'object' || value === null) return CONSTANT;
  return Array.isArray(value)
    ? compileList(value, kind, depth + 1)
    : compileRecord(value as JsonObject, kind, depth + 1);
}

function compileList(list: readonly Json[], { types }: Kind, depth: number): Compiled {
  const kind = { types, addresses: undefined };
  const parts = list.map((item) => ({ item, ...compileValue(item, kind, depth) }));
  if (parts.every(({ render }) => render === undefined)) return CONSTANT;
  return {
    render: (scope) => parts.map(({ item, render }) => (render ? render(scope) : item)),
    expressions: parts.flatMap(({ expressions }) => expressions),
  };
}

function compileRecord(record: JsonObject, { types, addresses }: Kind, depth: number): Compiled {
  const parts = Object.entries(record).map(([key, item]) => {
    const known = typeof addresses === 'object' && Object.hasOwn(addresses, key);
    const inside = known ? addresses[key] : undefined;
    return { key, item, ...compileValue(item, { types, addresses: inside }, depth) };
  });
  if (parts.every(({ render }) => render === undefined)) return CONSTANT;
  return {
    render: (scope) =>
      Object.fromEntries(
        parts.map(({ key, item, render }) => [key, render ? render(scope) : item]),
      ),
    expressions: parts.flatMap(({ expressions }) => expressions),
  };
}

function compileText(text: string, { types, addresses }: Kind): Compiled {
  if (!text.includes(OPENING)) return CONSTANT;
  const parts = splitTemplate(text).map((piece) => compilePiece(text, piece, types));
  const expressions = parts.filter((part) => typeof part !== 'string');
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') {
    return { render: (scope) => only.evaluate(scope), expressions };
  }
  const join = addresses === true ? joinAddress : joinParts;
  return { render: (scope) => join(parts, scope), expressions };
}

function compilePiece(
  text: string,
  piece: TemplatePiece,
  types: ExpressionTypes | undefined,
): string | Expression {
  if (piece.kind === 'text') return piece.text;
  if (piece.text.length > EXPRESSION_CHARACTERS) {
    throw new ExpressionError(
      `the expression is longer than ${EXPRESSION_CHARACTERS} characters`,
      piece.offset,
    );
  }
  return compile(text, piece.text, piece.offset, types);
}

function joinParts(parts: readonly (string | Expression)[], scope: Scope): string {
  let text = '';
  for (const part of parts) {
    text += typeof part === 'string' ? part : toText(part.evaluate(scope));
    if (text.length > RESULT_CHARACTERS) {
      throw new ExpressionError(`the text has more than ${RESULT_CHARACTERS} characters`);
    }
  }
  return text;
}

function joinAddress(parts: readonly (string | Expression)[], scope: Scope): string {
  return weaveAddress(
    parts.map((part): AddressPart => {
      if (typeof part === 'string') return { text: part, isValue: false };
      return { text: toText(part.evaluate(scope)), isValue: true };
    }),
  );
}
