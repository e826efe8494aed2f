/**
 * Types for expressions: what the reader knows of inputs and outputs, as CEL types.
 *
 * Checking and evaluating are two environments. At run time everything is JSON and dynamic; here
 * declared inputs and the outputs of actions have types, so that a misspelt field is found when
 * the file is read. What is not known stays dynamic and is never complained about.
 */
import type { Environment } from '@marcbachmann/cel-js';
import type { InputDeclaration } from '../../model/definition.ts';
import type { Hint } from '../../model/issue.ts';
import { didYouMean } from '../../model/suggestion.ts';
import { type ScopeName, createEnvironment } from './environment.ts';
import { ExpressionError } from './failure.ts';
import { type Survey, allowBracketsInHas } from './references.ts';

/** A JSON Schema, as `z.toJSONSchema` gives it; absent where nothing is known. */
export type Schema = Readonly<Record<string, unknown>> | undefined;

export interface TypeSource {
  readonly inputs: Readonly<Record<string, InputDeclaration>>;
  /** Every task of the workflow, with the schema of its output. */
  readonly outputs: ReadonlyMap<string, Schema>;
}

/** The names beside `inputs`, `run` and `tasks` that have a value at a place of the file. */
export interface ExpressionPlace {
  readonly item?: boolean;
  readonly attempt?: boolean;
  /** Present where the expression looks at the output of its own attempt. */
  readonly output?: { readonly schema: Schema };
}

export interface ExpressionTypes {
  readonly environment: Environment;
  readonly tasks: ReadonlyMap<string, unknown>;
  readonly visible: ReadonlySet<string>;
  /** Fields of the types that were made, by type name. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** Describes once per workflow; then asked for the types at each place, which are kept. */
export function describeTypes(source: TypeSource): (place: ExpressionPlace) => ExpressionTypes {
  let described: Describer | undefined;
  const kept = new Map<string, ExpressionTypes>();
  const schemas = new Map<Schema, number>();
  return (place) => {
    described ??= new Describer(source);
    const schema = place.output?.schema;
    if (!schemas.has(schema)) schemas.set(schema, schemas.size);
    const key = `${place.item}|${place.attempt}|${place.output && schemas.get(schema)}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const types = described.at(place);
    kept.set(key, types);
    return types;
  };
}

/** Handlers of this environment never run: it only checks. */
const unused = () => false;

/** What every file starts from. */
function checkingEnvironment(): Environment {
  const environment = createEnvironment();
  for (const sign of ['double in list<int>', 'int in list<double>']) {
    environment.registerOperator(`${sign}: bool`, unused);
  }
  return environment;
}

class Describer {
  readonly #source: TypeSource;
  readonly #environment: Environment;
  readonly #fields = new Map<string, readonly string[]>();
  readonly #bySchema = new Map<Schema, string>();

  constructor(source: TypeSource) {
    this.#source = source;
    this.#environment = checkingEnvironment();
    const run = {
      id: 'string',
      workflow: 'string',
      version: 'double',
      key: 'string',
      businessDate: 'string',
    };
    this.#environment.registerVariable('run', this.#message(run));
    this.#environment.registerVariable('inputs', this.#message(this.#inputs()));
    this.#environment.registerVariable('tasks', this.#message(this.#tasks()));
    for (const { schema } of this.#places()) this.#type(schema);
  }

  at(place: ExpressionPlace): ExpressionTypes {
    const environment = this.#environment.clone();
    const visible = new Set<ScopeName>(['inputs', 'run', 'tasks']);
    const show = (name: ScopeName, type: string) => {
      visible.add(name);
      environment.registerVariable(name, type);
    };
    if (place.item === true) {
      show('item', 'dyn');
      show('index', 'double');
    }
    if (place.attempt === true) show('attempt', 'map');
    // A schema that no task has cannot be made a type any more: the environment is closed.
    if (place.output !== undefined)
      show('output', this.#bySchema.get(place.output.schema) ?? 'dyn');
    return { environment, tasks: this.#source.outputs, visible, fields: this.#fields };
  }

  #places(): { schema: Schema }[] {
    return [...new Set(this.#source.outputs.values())].map((schema) => ({ schema }));
  }

  #inputs(): Record<string, string> {
    const entries = Object.entries(this.#source.inputs).map(([name, { type }]) => {
      return [name, SIMPLE[type] ?? 'dyn'] as const;
    });
    return Object.fromEntries(entries);
  }

  #tasks(): Record<string, string> {
    const facts = new Map<string, string>();
    const entries: [string, string][] = [];
    for (const [name, schema] of this.#source.outputs) {
      const output = this.#type(schema);
      let type = facts.get(output);
      if (type === undefined) {
        type = this.#message({ status: 'string', output, attempt: 'double' });
        facts.set(output, type);
      }
      entries.push([name, type]);
    }
    return Object.fromEntries(entries);
  }

  #message(fields: Record<string, string>): string {
    const name = `Object${this.#fields.size + 1}`;
    this.#environment.registerType(name, { fields });
    // The output of a skipped task is null, and a file may ask for that.
    this.#environment.registerOperator(`${name} == null: bool`, unused);
    this.#fields.set(name, Object.keys(fields));
    return name;
  }

  #type(schema: Schema): string {
    if (schema === undefined) return 'dyn';
    const known = this.#bySchema.get(schema);
    if (known !== undefined) return known;
    const type = this.#build(schema);
    this.#bySchema.set(schema, type);
    return type;
  }

  #build(schema: Record<string, unknown>): string {
    if (typeof schema.type !== 'string') return 'dyn';
    if (schema.type === 'array') {
      return isRecord(schema.items) ? `list<${this.#type(schema.items)}>` : 'list';
    }
    if (schema.type !== 'object') return SIMPLE[schema.type] ?? 'dyn';
    const { properties } = schema;
    if (!isRecord(properties) || schema.additionalProperties !== false) return 'map';
    const entries = Object.entries(properties).map(([key, value]) => {
      return [key, this.#type(isRecord(value) ? value : undefined)] as const;
    });
    return this.#message(Object.fromEntries(entries));
  }
}

const SIMPLE: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'double',
  integer: 'double',
  boolean: 'bool',
  object: 'map',
  array: 'list',
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const ABSENT: Readonly<Record<string, string>> = {
  item: 'item can only be used in a task with "each"',
  index: 'index can only be used in a task with "each"',
  output: 'output stands only in "warn" and "until"; another task\'s is tasks.<name>.output',
  attempt: 'attempt can only be used in "with"',
};

/** The type of the result. Throws ExpressionError. */
export function checkTypes(source: string, found: Survey, types: ExpressionTypes): string {
  for (const { task, offset } of found.references) {
    if (types.tasks.has(task)) continue;
    const hint = () => didYouMean(task, types.tasks.keys());
    throw new ExpressionError(`there is no task "${task}"`, offset, hint);
  }
  for (const [name, message] of Object.entries(ABSENT)) {
    if (!found.names.has(name) || types.visible.has(name)) continue;
    throw new ExpressionError(message, new RegExp(`\\b${name}\\b`).exec(source)?.index);
  }
  const parsed = types.environment.parse(source);
  allowBracketsInHas(parsed.ast);
  const { type, error } = parsed.check();
  if (type !== undefined) return type;
  if (error === undefined || isNumberMix(error)) return 'dyn';
  const field = fieldHint(error, types);
  if (field !== undefined) throw new ExpressionError(field.message, error.range?.start, field.hint);
  if (/^found no matching overload .*double/.test(error.message)) {
    throw new ExpressionError(error.summary, error.range?.start, 'int(...) makes a whole number');
  }
  throw error;
}

/** `inputs.n > 3 ? inputs.n : 0`: both are numbers to whoever writes JSON. */
function isNumberMix(error: Error): boolean {
  const [first = ''] = error.message.split('\n');
  const found =
    / type, got '(?<left>.+)' and '(?<right>.+)'$/.exec(first) ??
    /^no such overload: (?<left>.+) (?:==|!=|\+) (?<right>.+)$/.exec(first);
  const { left, right } = found?.groups ?? {};
  if (left === undefined || right === undefined) return false;
  return left.replaceAll(/\bint\b/g, 'double') === right.replaceAll(/\bint\b/g, 'double');
}

function fieldHint(
  error: Error & { code?: string; node?: unknown },
  types: ExpressionTypes,
): { message: string; hint: Hint } | undefined {
  if (error.code !== 'no_such_key') return undefined;
  const { node } = error;
  if (!isRecord(node) || !Array.isArray(node.args)) return undefined;
  const [left, right]: unknown[] = node.args;
  const key = isRecord(right) ? right.args : right;
  const checked = isRecord(left) ? left.checkedType : undefined;
  const name = isRecord(checked) ? checked.name : undefined;
  const fields = typeof name === 'string' ? types.fields.get(name) : undefined;
  if (typeof key !== 'string' || fields === undefined) return undefined;
  const known =
    fields.length > 0 && fields.length <= 12 ? `there are: ${fields.join(', ')}` : undefined;
  const hint = () => didYouMean(key, fields) ?? known;
  return { message: `there is no field "${key}" here`, hint };
}
