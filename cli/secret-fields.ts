/**
 * Which texts of a system's configuration are secret: fields that the connector marks
 * (`.meta({ secret: true })`), passwords in URLs, and headers (`.meta({ secret: 'headers' })`).
 *
 * Every header of a system is a secret, except where it cannot be one: its value is a plain word
 * or short and its name speaks of no credential, or HTTP itself says what it means. Else a team's
 * name would be blacked out of every log.
 */
import { z } from 'zod';
import { passwordsIn } from '../journal/connection-string.ts';

interface SchemaNode {
  readonly secret?: boolean | 'headers';
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
}

export type FieldPath = readonly (string | number)[];

export interface FoundSecrets {
  readonly texts: ReadonlySet<string>;
  /** `user:password` and the like: what basic authentication encodes. */
  readonly pairs: ReadonlySet<string>;
  /** Whether a part of the text at this path, put in there, is a secret too. */
  isSecretPart(path: FieldPath, part: string): boolean;
}

export function secretsOf(schema: z.ZodType, value: unknown): FoundSecrets {
  // The JSON Schema carries the marks through optionals, defaults and pipes, in one plain form.
  const node: SchemaNode = JSON.parse(
    JSON.stringify(
      z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }),
    ),
  );
  const search = new Search();
  search.look([node], value, []);
  return search;
}

class Search implements FoundSecrets {
  readonly texts = new Set<string>();
  readonly pairs = new Set<string>();
  /** Secret places, with the header's name where it is one. */
  readonly #places = new Map<string, string | undefined>();

  isSecretPart(path: FieldPath, part: string): boolean {
    const place = path.join('\n');
    if (!this.#places.has(place)) return false;
    const header = this.#places.get(place);
    return header === undefined || isSecretHeader(header, part);
  }

  /** `nodes`: the alternatives that may describe the value. */
  look(nodes: readonly SchemaNode[], value: unknown, path: FieldPath): void {
    const all = nodes.flatMap((node) => alternatives(node, 0));
    if (all.some((node) => node.secret === true)) this.#secret(value, path);
    else if (all.some((node) => node.secret === 'headers')) this.#headers(value, path);
    else if (typeof value === 'string') this.#url(value);
    else if (Array.isArray(value)) {
      const items = all.flatMap((node) => node.items ?? []);
      for (const [index, one] of value.entries()) this.look(items, one, [...path, index]);
    } else if (typeof value === 'object' && value !== null) this.#object(all, value, path);
  }

  #object(all: readonly SchemaNode[], value: object, path: FieldPath): void {
    const entries = Object.entries(value);
    for (const [key, one] of entries) {
      const nodes = all.flatMap((node) => member(node, key));
      this.look(nodes, one, [...path, key]);
      const secret = nodes
        .flatMap((node) => alternatives(node, 0))
        .some((node) => node.secret === true);
      if (secret && typeof one === 'string') this.#pair(entries, one);
    }
  }

  /** A name beside a password is the other half of a pair. */
  #pair(entries: readonly (readonly [string, unknown])[], secret: string): void {
    for (const [, other] of entries) {
      if (typeof other === 'string' && other !== secret && !other.includes('://')) {
        this.pairs.add(`${other}:${secret}`);
      }
    }
  }

  #secret(value: unknown, path: FieldPath): void {
    if (typeof value === 'number') this.texts.add(String(value));
    else if (typeof value === 'string') {
      this.texts.add(value);
      // Of an address only the password is secret, not the host.
      if (value.includes('://')) this.#url(value);
      else this.#places.set(path.join('\n'), undefined);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, one] of Object.entries(value)) this.#secret(one, [...path, key]);
    }
  }

  #headers(value: unknown, path: FieldPath): void {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, text] of Object.entries(value)) {
      if (typeof text !== 'string') continue;
      this.#places.set([...path, name].join('\n'), name);
      if (isSecretHeader(name, text)) this.#header(name, text);
    }
  }

  /** `Bearer …`: what comes after the scheme is printed alone, too. */
  #header(name: string, text: string): void {
    this.texts.add(text);
    const [, scheme = '', credentials] = /^([A-Za-z][\w-]*) +(\S.*)$/.exec(text) ?? [];
    if (credentials !== undefined && isSecretHeader(name, credentials)) this.texts.add(credentials);
    if (/^basic$/i.test(scheme) && credentials !== undefined) {
      const pair = Buffer.from(credentials, 'base64').toString();
      this.pairs.add(pair);
      this.texts.add(pair.slice(pair.indexOf(':') + 1));
    }
    if (!/^cookie$/i.test(name)) return;
    for (const cookie of text.split(';')) {
      const secret = cookie.slice(cookie.indexOf('=') + 1).trim();
      if (secret.length >= SHORT_VALUE) this.texts.add(secret);
    }
  }

  #url(text: string): void {
    if (!text.includes('://')) return;
    if (/^postgres(?:ql)?:/.test(text)) for (const each of passwordsIn(text)) this.texts.add(each);
    if (!URL.canParse(text)) return;
    const { username, password } = new URL(text);
    if (password === '') return;
    for (const each of [password, decoded(password)]) this.texts.add(each);
    this.pairs.add(`${decoded(username)}:${decoded(password)}`);
  }
}

const CREDENTIAL = /auth|token|secret|key|pass|credential|cookie|session|signature/i;
const SHORT_VALUE = 8;
/** Fields that HTTP itself defines, and that carry no credential (RFC 9110, RFC 9111). */
const PUBLIC_HEADER =
  /^(?:accept|accept-.*|cache-control|content-.*|date|expect|from|host|if-.*|max-forwards|pragma|prefer|range|referer|te|traceparent|tracestate|user-agent|via)$/i;

function isSecretHeader(name: string, value: string): boolean {
  if (CREDENTIAL.test(name)) return true;
  return !PUBLIC_HEADER.test(name) && value.length >= SHORT_VALUE && !/^[a-z]+$/.test(value);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
