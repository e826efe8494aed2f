/**
 * Inputs of a run: given values against the declarations of the workflow. Defaults are filled
 * in, nothing undeclared passes, and every mistake is named at once.
 */
import type { Definition, InputDeclaration } from '../model/definition.ts';
import type { Problem } from '../model/errors.ts';
import { Patterns } from './expression/patterns.ts';
import { inexact, problemSentence, readJson } from '../model/json-text.ts';
import type { Json, JsonObject } from '../model/json.ts';
import { found, type Hint, isRecord, toProblem } from '../model/issue.ts';
import { Mistakes } from '../model/mistakes.ts';
import { didYouMean } from '../model/suggestion.ts';

export type CheckedInputs =
  | { readonly inputs: JsonObject; readonly problems?: never }
  | { readonly problems: readonly Problem[]; readonly inputs?: never };

/** `patterns`: of a caller who checks many; they are compiled once. */
export function checkInputs(
  definition: Pick<Definition, 'inputs'>,
  given: Readonly<Record<string, unknown>>,
  patterns = new Patterns(),
): CheckedInputs {
  const mistakes = new Mistakes();
  const complain = (name: string, message: string, hint?: Hint) =>
    mistakes.report({ code: 'inputs.invalid', message, path: ['inputs', name], hint });
  const checked: [string, Json][] = [];
  for (const [name, declaration] of Object.entries(definition.inputs)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) {
      if (declaration.default !== undefined) checked.push([name, declaration.default]);
      else if (declaration.required)
        complain(name, `the input "${name}" is missing`, declaration.description);
      continue;
    }
    const wrong = mismatch(declaration, value, patterns);
    if (wrong !== undefined) complain(name, `the input "${name}" ${wrong}`);
    // A value of the declared type is JSON.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    else checked.push([name, value as Json]);
  }
  const known = Object.keys(definition.inputs);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(definition.inputs, name)) continue;
    const hint = () => didYouMean(name, known) ?? listing(known);
    complain(name, `there is no input "${name}"`, hint);
  }
  const problems = mistakes.all().map(toProblem);
  return problems.length > 0 ? { problems } : { inputs: Object.fromEntries(checked) };
}

const LISTED = 20;

function listing(known: readonly string[]): string {
  if (known.length === 0) return 'the workflow takes no inputs';
  const more = known.length > LISTED ? ` and ${known.length - LISTED} more` : '';
  return `there are: ${known.slice(0, LISTED).join(', ')}${more}`;
}

/** What is wrong with the value, as the end of a sentence; undefined when it fits. */
export function mismatch(
  declaration: InputDeclaration,
  value: unknown,
  patterns: Patterns,
): string | undefined {
  const { type } = declaration;
  if (!hasType(type, value)) return `must be ${WITH_ARTICLE[type]}, found ${found(value)}`;
  if (declaration.enum !== undefined && !declaration.enum.some((one) => same(one, value))) {
    const allowed = declaration.enum.map((one) => JSON.stringify(one)).join(', ');
    return `must be one of ${allowed}, found ${found(value)}`;
  }
  if (typeof value === 'number') return numberMismatch(declaration, value);
  if (typeof value === 'string') return textMismatch(declaration, value, patterns);
  return undefined;
}

const WITH_ARTICLE: Readonly<Record<InputDeclaration['type'], string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  array: 'a list',
};

function hasType(type: InputDeclaration['type'], value: unknown): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'integer':
      return Number.isSafeInteger(value);
    case 'object':
      return isRecord(value);
    case 'array':
      return Array.isArray(value);
  }
}

function same(left: unknown, right: unknown): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}

function numberMismatch({ minimum, maximum }: InputDeclaration, value: number): string | undefined {
  if (minimum !== undefined && value < minimum)
    return `must be at least ${minimum}, found ${value}`;
  if (maximum !== undefined && value > maximum) return `must be at most ${maximum}, found ${value}`;
  return undefined;
}

function textMismatch(
  declaration: InputDeclaration,
  value: string,
  patterns: Patterns,
): string | undefined {
  const { minLength, maxLength, pattern } = declaration;
  const length = Array.from(value).length;
  if (minLength !== undefined && length < minLength)
    return `must have at least ${minLength} characters, found ${length}`;
  if (maxLength !== undefined && length > maxLength)
    return `must have at most ${maxLength} characters, found ${length}`;
  if (pattern === undefined) return undefined;
  try {
    return patterns.compile(pattern).test(value)
      ? undefined
      : `must match ${pattern}, found ${found(value)}`;
  } catch (error) {
    return `cannot be matched: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export type ParsedInput =
  | { readonly value: Json; readonly message?: never }
  | { readonly message: string; readonly value?: never };

/** `-i key=value`: the text by the declared type. A text stays as it is, the rest is read as JSON. */
export function parseInputText(
  declaration: InputDeclaration | undefined,
  text: string,
): ParsedInput {
  if (declaration === undefined || declaration.type === 'string') return { value: text };
  const { type } = declaration;
  const read = readJson(text);
  if (read.problem === undefined) {
    if (hasType(type, read.value)) return { value: read.value };
    return { message: `must be ${WITH_ARTICLE[type]}, found ${found(read.value)}` };
  }
  const number = type === 'number' || type === 'integer' ? plainNumber(text) : undefined;
  if (number !== undefined && hasType(type, number)) return { value: number };
  const isWord = !/^\s*[[{"]/.test(text) && read.problem.code === 'json.syntax';
  if (isWord) return { message: `must be ${WITH_ARTICLE[type]}, found ${found(text)}` };
  return { message: `is not to be kept as it is written: ${problemSentence(read.problem)}` };
}

/** `.5` and `+5`, as YAML has them too. */
function plainNumber(text: string): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return inexact(text, value) === undefined ? value : undefined;
}
