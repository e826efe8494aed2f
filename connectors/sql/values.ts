/**
 * Values on their way to PostgreSQL and back. The server says of which type each parameter is, so
 * a list becomes an array where an array is wanted, and JSON where JSON is. What comes back is
 * said as JSON can say it: numbers where they are exact, everything else as PostgreSQL prints it.
 */
import type { Json } from '../../model/json.ts';
import { problemSentence, readJson, unwritable } from '../../model/json-text.ts';
import { ActionFailure } from '../kit/index.ts';

/** Types by their numbers, which PostgreSQL never changes (pg_type.dat). */
const OID = {
  bool: 16,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  jsonArray: 199,
  float4: 700,
  float8: 701,
  bpchar: 1042,
  varchar: 1043,
  jsonb: 3802,
  jsonbArray: 3807,
};
const JSON_TYPES: readonly number[] = [OID.json, OID.jsonb];
const JSON_LISTS: readonly number[] = [OID.jsonArray, OID.jsonbArray];
const TEXT_TYPES: readonly number[] = [OID.text, OID.varchar, OID.bpchar, OID.name];

export interface Column {
  readonly name: string;
  readonly dataTypeID: number;
}

/** As the text that the server reads; `null` is its NULL whatever the type. */
export function encode(values: readonly Json[], types: readonly number[]): (string | null)[] {
  if (values.length !== types.length) {
    const message = `the statement wants ${types.length} parameters, and ${values.length} are given`;
    throw new ActionFailure({ class: 'rejected', code: 'sql.parameters', message });
  }
  return values.map((value, position) => {
    const text = encodeOne(value, types[position] ?? 0);
    const wrong = text === null ? undefined : unwritable(text);
    if (wrong === undefined) return text;
    const message = `the value for $${position + 1} ${wrong}`;
    throw new ActionFailure({ class: 'rejected', code: 'sql.parameters', message });
  });
}

function encodeOne(value: Json, type: number): string | null {
  if (value === null) return null;
  if (JSON_TYPES.includes(type)) return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  if (!Array.isArray(value) || TEXT_TYPES.includes(type)) return JSON.stringify(value);
  return encodeList(value as readonly Json[], JSON_LISTS.includes(type));
}

/** `{1,NULL,"a b"}`: https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO */
function encodeList(list: readonly Json[], ofJson: boolean): string {
  const items = list.map((item): string => {
    if (item === null) return 'NULL';
    if (Array.isArray(item) && !ofJson) return encodeList(item as readonly Json[], ofJson);
    const text = typeof item === 'object' || ofJson ? JSON.stringify(item) : String(item);
    return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  });
  return `{${items.join(',')}}`;
}

/** Two columns of one name would become one field, and the other be lost without a word. */
export function refuseSameNames(columns: readonly Column[]): void {
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, position) => names.indexOf(name) !== position);
  if (twice !== undefined) {
    const message = `two columns are named "${twice}"; name them apart, for example: ${twice === '?column?' ? 'select 1 as one, 2 as two' : `o.${twice} as order_${twice}`}`;
    throw new ActionFailure({ class: 'rejected', code: 'sql.columns', message });
  }
  if (!names.includes('__proto__')) return;
  const message = 'a column is named "__proto__", which no field may be; give it another name';
  throw new ActionFailure({ class: 'rejected', code: 'sql.columns', message });
}

export function decode(
  columns: readonly Column[],
  fields: readonly (string | null)[],
): Readonly<Record<string, Json>> {
  const row: Record<string, Json> = {};
  for (const [position, column] of columns.entries()) {
    const text = fields[position] ?? null;
    row[column.name] = text === null ? null : decodeOne(column, text);
  }
  return row;
}

/** Dates and the like stay text: they would otherwise take on this machine's time zone. */
function decodeOne({ name, dataTypeID }: Column, text: string): Json {
  switch (dataTypeID) {
    case OID.bool:
      return text === 't';
    case OID.int2:
    case OID.int4:
      return Number(text);
    case OID.int8:
      return Number.isSafeInteger(Number(text)) ? Number(text) : text;
    case OID.float4:
    case OID.float8:
      return Number.isFinite(Number(text)) ? Number(text) : text;
    case OID.json:
    case OID.jsonb:
      return decodeJson(name, text);
  }
  return text;
}

function decodeJson(name: string, text: string): Json {
  const { value, problem } = readJson(text);
  if (problem === undefined) return value;
  const message = `column "${name}" holds JSON that cannot be kept: ${problemSentence(problem)}; or read it as text: "${name}"::text`;
  throw new ActionFailure({ class: 'rejected', code: 'sql.value', message });
}
