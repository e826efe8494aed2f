/**
 * JSON Schema in words: one table of fields for each object, and a phrase for everything else.
 * Only what our own schemas use is known; what is not known is said to be any value.
 */
import { z } from 'zod';
import { DURATION } from '../../model/duration.ts';

/** The part of JSON Schema that our schemas come out as. */
export interface Schema {
  readonly $ref?: string | undefined;
  readonly $defs?: Readonly<Record<string, Schema>> | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly type?: string | readonly string[] | undefined;
  readonly const?: unknown;
  readonly enum?: readonly unknown[] | undefined;
  readonly anyOf?: readonly Schema[] | undefined;
  readonly oneOf?: readonly Schema[] | undefined;
  readonly allOf?: readonly Schema[] | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: boolean | Schema | undefined;
  readonly items?: boolean | Schema | undefined;
  readonly default?: unknown;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly pattern?: string | undefined;
}

/** The input side: what a person writes, before defaults. */
export function schemaOf(type: z.ZodType): Schema {
  const json: object = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' });
  return json;
}

export class SchemaWords {
  readonly #root: Schema;
  readonly #open = new Set<string>();
  constructor(root: Schema) {
    this.#root = root;
  }

  /** Follows `$ref`, keeping what stands beside it. */
  resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    if (schema.$ref === '#') return this.#root;
    const name = schema.$ref.split('/').at(-1) ?? '';
    const target = this.#root.$defs?.[name];
    return target === undefined ? {} : { ...this.resolve(target), ...schema, $ref: undefined };
  }

  /** `text`, `list of text`, `one of a, b`, `map of number`… */
  phrase(given: Schema): string {
    if (given.$ref !== undefined && this.#open.has(given.$ref)) return AGAIN;
    if (given.$ref === undefined) return this.#phrase(given);
    this.#open.add(given.$ref);
    const phrase = this.#phrase(this.resolve(given));
    this.#open.delete(given.$ref);
    // What contains itself is JSON at large; to spell it out would not end.
    return phrase.includes(AGAIN) ? 'any value' : phrase;
  }

  #phrase(schema: Schema): string {
    if (schema.const !== undefined) return code(schema.const);
    if (schema.enum !== undefined) return `one of ${schema.enum.map(code).join(', ')}`;
    const ways = schema.anyOf ?? schema.oneOf;
    if (ways !== undefined) return [...new Set(ways.map((way) => this.phrase(way)))].join(' or ');
    if (Array.isArray(schema.type)) return schema.type.map(typeWord).join(' or ');
    if (schema.type === 'array') return `list of ${this.#element(schema.items)}`;
    if (schema.type === 'object') return this.#object(schema);
    if (schema.pattern === DURATION.source) return 'duration';
    return typeof schema.type === 'string' ? typeWord(schema.type) : 'any value';
  }

  /** The table of an object's fields; nothing for an object without. */
  table(given: Schema): string[] {
    const schema = this.resolve(given);
    const fields = Object.entries(schema.properties ?? {});
    if (fields.length === 0) return [];
    const rows = fields.map(([name, field]) => {
      const needed = schema.required?.includes(name) === true ? ', required' : '';
      return `| \`${name}\` | ${cell(this.phrase(field))}${needed} | ${cell(this.#remark(field))} |`;
    });
    return ['| Field | Value | |', '|---|---|---|', ...rows];
  }

  /** Objects with fields of their own below this one, each with its path: `tasks.NAME.retry`. */
  nested(given: Schema, path: string): readonly (readonly [string, Schema])[] {
    const fields = Object.entries(this.resolve(given).properties ?? {});
    return fields.flatMap(([name, field]) =>
      this.#objects(field, path === '' ? name : `${path}.${name}`),
    );
  }

  #objects(given: Schema, path: string): readonly (readonly [string, Schema])[] {
    if (given.$ref !== undefined && this.#open.has(given.$ref)) return [];
    if (given.$ref !== undefined) this.#open.add(given.$ref);
    const found = this.#objectsOf(this.resolve(given), path);
    if (given.$ref !== undefined) this.#open.delete(given.$ref);
    return found;
  }

  #objectsOf(schema: Schema, path: string): readonly (readonly [string, Schema])[] {
    const ways = schema.anyOf ?? schema.oneOf ?? schema.allOf;
    if (ways !== undefined) return ways.flatMap((way) => this.#objects(way, path));
    if (schema.properties !== undefined) return [[path, schema]];
    if (typeof schema.items === 'object') return this.#objects(schema.items, `${path}[]`);
    const values = schema.additionalProperties;
    return typeof values === 'object' ? this.#objects(values, `${path}.NAME`) : [];
  }

  #element(items: boolean | Schema | undefined): string {
    return typeof items === 'object' ? this.phrase(items) : 'any value';
  }

  #object(schema: Schema): string {
    if (schema.properties !== undefined) return 'object';
    const values = schema.additionalProperties;
    return typeof values === 'object' ? `map of ${this.phrase(values)}` : 'map';
  }

  #remark(given: Schema): string {
    const schema = this.resolve(given);
    const range = [
      schema.minimum === undefined ? '' : `at least ${schema.minimum}`,
      // The bound that "integer" puts there by itself says nothing.
      schema.maximum === undefined || schema.maximum === Number.MAX_SAFE_INTEGER
        ? ''
        : `at most ${schema.maximum}`,
    ].filter((part) => part !== '' && !part.includes(String(Number.MIN_SAFE_INTEGER)));
    const parts = [schema.description ?? '', range.join(', ')];
    if (schema.default !== undefined) parts.push(`default ${code(schema.default)}`);
    return parts.filter((part) => part !== '').join('; ');
  }
}

/** Stands for a schema inside itself; no schema says it. */
const AGAIN = '\u0000';

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  integer: 'whole number',
  null: 'nothing',
};

function typeWord(type: string): string {
  return WORDS[type] ?? type;
}

export function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** Text that may stand in a cell of a table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}
