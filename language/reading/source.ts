/**
 * From text to a plain value, and from a path in that value back to a line and column.
 *
 * YAML 1.2, and JSON as its subset. The library's parser is taken apart here so that nesting can
 * be bounded between its two halves: the first is a loop, the second recurses, and on a few
 * thousand brackets it does not throw but ends the process. Duplicate keys are looked for here
 * too: the library compares every key with every other.
 */
import {
  Composer,
  type Document,
  LineCounter,
  Parser,
  isAlias,
  isMap,
  isScalar,
  isSeq,
} from 'yaml';
import type { Alias, CST, Node, Scalar, YAMLMap } from 'yaml';
import type { Problem } from '../../model/errors.ts';
import { inexact, NESTING, QUOTE_NUMBER, unwritable } from '../../model/json-text.ts';
import type { Json } from '../../model/json.ts';
import { type Issue, toProblem } from '../../model/issue.ts';
import { MISTAKES_SHOWN } from '../../model/mistakes.ts';
import { Places, startOf } from './places.ts';
import { QUOTE_HINT, yamlIssue } from './yaml-error.ts';

export const SOURCE_CHARACTERS = 32 * 1024 * 1024;
/** Values that aliases may add to the file, all together. */
const ALIASED_VALUES = 100_000;

/** A text that could be read has places, any other has problems. */
type SourceText =
  | { readonly value: Json; place(issue: Issue): Placed }
  | { readonly problems: readonly Problem[] };

type Placed = Problem & { readonly line: number; readonly column: number };

type Complain = (code: string, message: string, offset: number | undefined, hint?: string) => void;

export function readSource(text: string, file: string | undefined): SourceText {
  const named = file === undefined ? {} : { file };
  const lines = new LineCounter();
  // What does not stand in the file itself is looked for from its beginning.
  const at = (offset = 0) => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { ...named, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems: Problem[] = [];
  const complain: Complain = (code, message, offset, hint) => {
    problems.push({ code, message, ...(hint !== undefined && { hint }), ...at(offset) });
  };
  const document = parse(text, lines, complain);
  if (document === undefined) return { problems };
  const stumbles = [...document.errors, ...document.warnings].map((error) => {
    return { error, ...at(error.pos[0]) };
  });
  for (const { error, ...place } of firstPerLine(stumbles)) {
    problems.push({ ...yamlIssue(error, text), ...place });
  }
  if (document.directives?.yaml.version === '1.1') {
    complain('yaml.version', 'the file says YAML 1.1; workflows are YAML 1.2', 0);
  }
  const targets = new Map<Alias, unknown>();
  const value = problems.length === 0 ? toValue(document, targets, complain) : undefined;
  if (value === undefined || problems.length > 0) {
    return { problems: bounded(firstPerLine(problems)) };
  }
  const places = new Places(document, text, targets);
  return { value, place: (issue) => ({ ...toProblem(issue), ...at(places.offsetOf(issue)) }) };
}

/** One mistake makes the parser stumble several times in its line. */
function firstPerLine<T extends { readonly line?: number }>(mistakes: readonly T[]): readonly T[] {
  const lines = new Set<number | undefined>();
  return mistakes.filter(({ line }) => !lines.has(line) && lines.add(line));
}

function bounded(problems: readonly Problem[]): readonly Problem[] {
  const more = problems.length - MISTAKES_SHOWN;
  if (more <= 0) return problems;
  const message = `there are ${more} more lines with errors`;
  return [...problems.slice(0, MISTAKES_SHOWN), { code: 'source.limit', message }];
}

function parse(text: string, lines: LineCounter, complain: Complain): Document.Parsed | undefined {
  if (text.length > SOURCE_CHARACTERS) {
    complain('source.limit', `the file is longer than ${SOURCE_CHARACTERS} characters`, 0);
    return undefined;
  }
  const wrong = unwritable(text);
  if (wrong !== undefined) {
    lines.addNewLine(0);
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
      lines.addNewLine(at + 1);
    }
    complain('source.text', `the file ${wrong}`, unwritableAt(text), 'remove it');
    return undefined;
  }
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const deep = tooDeep(tokens);
  if (deep !== undefined) {
    complain('source.limit', `the file is nested deeper than ${NESTING} levels`, deep);
    return undefined;
  }
  const composer = new Composer({ uniqueKeys: false, version: '1.2', logLevel: 'silent' });
  let document: Document.Parsed | undefined;
  for (const next of composer.compose(tokens, true, text.length)) {
    if (document !== undefined) {
      complain(
        'yaml.syntax',
        'a file holds one workflow: this is a second document',
        next.range[0],
      );
      break;
    }
    document = next;
  }
  return document;
}

/** NUL, or one half of a surrogate pair. */
function unwritableAt(text: string): number | undefined {
  const nul = text.indexOf('\0');
  return nul >= 0 ? nul : /\p{Surrogate}/u.exec(text)?.index;
}

/** The offset of the first token that is nested too deeply. */
function tooDeep(tokens: readonly CST.Token[]): number | undefined {
  const waiting: { readonly token: CST.Token; readonly depth: number }[] = [];
  for (const token of tokens) waiting.push({ token, depth: 0 });
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next;
    if (depth > NESTING) return token.offset;
    if (token.type === 'document' && token.value !== undefined) {
      waiting.push({ token: token.value, depth });
    }
    if (!('items' in token)) continue;
    for (const item of token.items) {
      if (item.key) waiting.push({ token: item.key, depth: depth + 1 });
      if (item.value !== undefined) waiting.push({ token: item.value, depth: depth + 1 });
    }
  }
  return undefined;
}

interface Conversion {
  /** Anchors so far: the library would walk the whole document for every alias. */
  readonly anchors: Map<string, unknown>;
  /** What aliases stand for. */
  readonly targets: Map<Alias, unknown>;
  readonly complain: Complain;
  aliased: number;
  refused: boolean;
}

function toValue(
  document: Document.Parsed,
  targets: Map<Alias, unknown>,
  complain: Complain,
): Json {
  const work = { anchors: new Map(), targets, complain, aliased: 0, refused: false };
  return convert(document.contents, work, 0, false);
}

function convert(node: unknown, work: Conversion, depth: number, inAlias: boolean): Json {
  if (work.refused || node === null || node === undefined) return null;
  const offset = startOf(node);
  if (inAlias) work.aliased += 1;
  if (work.aliased > ALIASED_VALUES || depth > NESTING) {
    work.refused = true;
    work.complain('yaml.alias', 'aliases make the file too large: write it out', offset);
    return null;
  }
  if (isAlias(node)) {
    const target = work.anchors.get(node.source);
    if (target === undefined) {
      work.complain('yaml.alias', `there is no anchor "&${node.source}"`, offset, QUOTE_HINT);
      return null;
    }
    work.targets.set(node, target);
    return convert(target, work, depth + 1, true);
  }
  if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) {
    work.anchors.set(node.anchor, node);
  }
  if (isMap(node)) return convertMap(node, work, depth, inAlias);
  if (isSeq(node)) return node.items.map((item) => convert(item, work, depth + 1, inAlias));
  return isScalar(node) ? convertScalar(node, work) : null;
}

function convertMap(map: YAMLMap, work: Conversion, depth: number, inAlias: boolean): Json {
  refuseTag(map, work);
  const seen = new Set<string>();
  const entries: [string, Json][] = [];
  for (const { key, value } of map.items) {
    const name = convertKey(key, work);
    if (name === undefined) continue;
    if (seen.has(name)) {
      work.complain('yaml.duplicate', `"${name}" stands here twice`, startOf(key));
    }
    seen.add(name);
    entries.push([name, convert(value, work, depth + 1, inAlias)]);
  }
  // Defines own properties: a key `__proto__` is a key like any other.
  return Object.fromEntries(entries);
}

/** Undefined of what cannot be a key. */
function convertKey(key: unknown, work: Conversion): string | undefined {
  if (isScalar(key) && (typeof key.value === 'string' || typeof key.value === 'number')) {
    if (typeof key.value === 'string') refuseText(key.value, key, work);
    return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
  }
  if (isScalar(key) && typeof key.value === 'boolean') return key.source ?? String(key.value);
  const hint = isMap(key) ? `${QUOTE_HINT}, with a dollar sign: "\${{ ... }}"` : undefined;
  work.complain('yaml.key', 'a key must be a text', startOf(key), hint);
  return undefined;
}

function convertScalar(scalar: Scalar, work: Conversion): Json {
  refuseTag(scalar, work);
  const { value } = scalar;
  if (typeof value === 'number') {
    if (scalar.source === undefined || inexact(scalar.source, value) === undefined) return value;
    work.complain(
      'yaml.number',
      `${scalar.source} cannot be kept exactly`,
      startOf(scalar),
      QUOTE_NUMBER,
    );
    return null;
  }
  if (typeof value === 'string') refuseText(value, scalar, work);
  return typeof value === 'string' || typeof value === 'boolean' ? value : null;
}

/** Escapes can say what no text may hold. */
function refuseText(text: string, node: unknown, work: Conversion): void {
  const wrong = unwritable(text);
  if (wrong !== undefined) work.complain('source.text', `a text ${wrong}`, startOf(node));
}

function refuseTag(node: Node, work: Conversion): void {
  if (node.tag === undefined) return;
  work.complain('yaml.tag', 'YAML tags are not supported here', startOf(node), QUOTE_HINT);
}
