/**
 * From CEL values to JSON and to text. CEL integers are BigInt and become numbers where that is
 * exact; what JSON cannot say is refused in words rather than bent.
 */
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { NESTING, unwritable } from '../../model/json-text.ts';
import type { Json } from '../../model/json.ts';
import { ExpressionError } from './failure.ts';

const RESULT_VALUES = 200_000;
export const RESULT_CHARACTERS = 1_000_000;

interface Allowance {
  values: number;
  characters: number;
}

/** Plain JSON inside the value is handed back as it is, not copied. */
export function toJson(value: unknown): Json {
  return convert(value, { values: RESULT_VALUES, characters: RESULT_CHARACTERS }, 0);
}

function convert(value: unknown, left: Allowance, depth: number): Json {
  if (--left.values < 0) {
    throw new ExpressionError(`the result has more than ${RESULT_VALUES} values`);
  }
  switch (typeof value) {
    case 'string':
      return spendText(value, left);
    case 'boolean':
      return value;
    case 'number':
      if (Number.isFinite(value)) return value;
      throw new ExpressionError(`the result ${value} is not a number that JSON can say`);
    case 'bigint':
      return fromInteger(value);
    case 'object':
      if (value === null) return null;
      if (depth >= NESTING) {
        throw new ExpressionError(`the result is nested deeper than ${NESTING} levels`);
      }
      return fromObject(value, left, depth + 1);
    case 'undefined':
    case 'function':
    case 'symbol':
      throw new ExpressionError('the expression gives no value');
  }
}

function spendText(text: string, left: Allowance): string {
  left.characters -= text.length;
  if (left.characters < 0) {
    throw new ExpressionError(`the result has more than ${RESULT_CHARACTERS} characters`);
  }
  const wrong = unwritable(text);
  if (wrong !== undefined) throw new ExpressionError(`a text of the result ${wrong}`);
  return text;
}

function fromInteger(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new ExpressionError(`the integer ${value} is too large for JSON: use string(...)`);
}

function fromObject(value: object, left: Allowance, depth: number): Json {
  if (Array.isArray(value)) return fromList(value, left, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return fromRecord(value as Record<string, unknown>, left, depth);
  }
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => [
      spendText(String(key), left),
      convert(item, left, depth),
    ]);
    return Object.fromEntries(entries) as Json;
  }
  if (value instanceof Set) return [...value].map((item) => convert(item, left, depth));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) {
    return spendText(Buffer.from(value).toString('base64'), left);
  }
  return fromSpecial(value, left, depth);
}

/** Durations, types, unsigned integers and optionals: classes of the library. */
function fromSpecial(value: object, left: Allowance, depth: number): Json {
  if ('hasValue' in value && typeof value.hasValue === 'function') {
    const optional = value as { hasValue(): boolean; value(): unknown };
    return optional.hasValue() ? convert(optional.value(), left, depth) : null;
  }
  const primitive: unknown = value.valueOf();
  if (typeof primitive === 'bigint') return fromInteger(primitive);
  if (value instanceof Duration) return `${Number(value) / 1000}s`;
  if ('name' in value && typeof value.name === 'string') return value.name;
  throw new ExpressionError('the result is not a value that JSON can say');
}

function fromList(list: readonly unknown[], left: Allowance, depth: number): Json {
  let copy: Json[] | undefined;
  for (let position = 0; position < list.length; position += 1) {
    const item = list[position];
    const json = convert(item, left, depth);
    if (json !== item) copy ??= list.slice(0, position) as Json[];
    copy?.push(json);
  }
  return copy ?? (list as readonly Json[]);
}

function fromRecord(record: Record<string, unknown>, left: Allowance, depth: number): Json {
  let changed = false;
  const entries = Object.keys(record).map((key): [string, Json] => {
    const item = record[key];
    const json = convert(item, left, depth);
    if (json !== item) changed = true;
    return [spendText(key, left), json];
  });
  // `fromEntries` defines own properties: a key `__proto__` stays a key.
  return changed ? Object.fromEntries(entries) : (record as Json);
}

/** How a value reads inside a text. Null is refused: an empty hole in a path or a command is a trap. */
export function toText(value: Json): string {
  if (typeof value === 'string') return value;
  if (value === null) {
    throw new ExpressionError('null cannot stand inside a text: give a default with orValue(...)');
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
