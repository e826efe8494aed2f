/**
 * What must not be seen: which texts of a configuration are secrets, and how they are blacked out
 * of whatever leaves the house (logs, events, errors).
 */
import { z } from 'zod';
import { passwordsIn } from '../journal/connection-string.ts';

/** Shorter ones would black out half of every log; nobody's password is that short on purpose. */
const SECRET_MIN_LENGTH = 4;
const BLACKED_OUT = '•••';

interface SchemaNode {
  readonly secret?: boolean;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
}

/** Every text below a field that is marked `.meta({ secret: true })`, and passwords in URLs. */
export function secretTexts(schema: z.ZodType, value: unknown): string[] {
  // The JSON Schema carries the marks through optionals, defaults and pipes, in one plain form.
  const node: SchemaNode = JSON.parse(
    JSON.stringify(
      z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }),
    ),
  );
  return [...new Set(search([node], value))];
}

/** `nodes`: the alternatives that may describe the value. */
function search(nodes: readonly SchemaNode[], value: unknown): string[] {
  const all = nodes.flatMap((node) => alternatives(node, 0));
  if (all.some((node) => node.secret === true)) return textsOf(value);
  if (typeof value === 'string') return passwordOf(value);
  if (Array.isArray(value)) {
    const items = all.flatMap((node) => node.items ?? []);
    return value.flatMap((one) => search(items, one));
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    search(
      all.flatMap((node) => member(node, key)),
      one,
    ),
  );
}

function alternatives(node: SchemaNode, depth: number): SchemaNode[] {
  if (depth > 20) return [node];
  const below = [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])];
  return [node, ...below.flatMap((one) => alternatives(one, depth + 1))];
}

function member(node: SchemaNode, key: string): SchemaNode[] {
  const named = Object.hasOwn(node.properties ?? {}, key) ? node.properties?.[key] : undefined;
  if (named !== undefined) return [named];
  return typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value, ...passwordOf(value)];
  if (typeof value === 'number') return [String(value)];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

function passwordOf(text: string): string[] {
  if (!text.includes('://')) return [];
  if (/^postgres(?:ql)?:/.test(text)) return passwordsIn(text);
  if (!URL.canParse(text)) return [];
  const { password } = new URL(text);
  if (password === '') return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

/** Blacks the secrets out of a text. The longest first: one secret may be part of another. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= SECRET_MIN_LENGTH)
    .toSorted((left, right) => right.length - left.length);
  if (known.length === 0) return (text) => text;
  return (text) => known.reduce((clean, secret) => clean.replaceAll(secret, BLACKED_OUT), text);
}
