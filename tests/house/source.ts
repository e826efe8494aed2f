/**
 * The repository as the law sees it: every code file with its syntax tree.
 *
 * The parser is the one inside vitest, because the compiler no longer offers its own. A tree
 * instead of patterns: words inside comments and strings are never mistaken for code.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'vitest/node';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A node of the tree; fields are looked at one by one. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface SourceFile {
  /** From the root, with slashes: `model/run.ts`. */
  readonly path: string;
  readonly text: string;
  readonly tree: Node;
}

/** What one law found: where, what, and the reason that the law gives for itself. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly what: string;
  readonly because: string;
}

const NEVER_OURS = new Set(['node_modules', 'dist', 'generated', 'results']);
const CODE = /\.(ts|tsx|js|mjs)$/;

/** Paths of all files below the root, hidden and built ones left out. */
export function listFiles(root: string = ROOT, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.') && !NEVER_OURS.has(entry.name))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return listFiles(root, path);
      return entry.isFile() ? [path] : [];
    })
    .toSorted();
}

export function readSources(root: string = ROOT): SourceFile[] {
  return listFiles(root)
    .filter((path) => CODE.test(path))
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

export function parseSource(path: string, text: string): SourceFile {
  const lang = path.endsWith('.tsx') ? 'tsx' : path.endsWith('.ts') ? 'ts' : 'js';
  const tree: unknown = parseAst(text, { lang }, path);
  if (!isNode(tree)) throw new Error(`${path}: the parser gave no tree`);
  return { path, text, tree };
}

export function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
  );
}

/** The node in a field, if one is there. */
export function child(node: Node | undefined, field: string): Node | undefined {
  const value = node?.[field];
  return isNode(value) ? value : undefined;
}

/** The nodes in a field that holds a list. */
export function children(node: Node | undefined, field: string): readonly Node[] {
  const value: unknown = node?.[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The text in a field: a name, or the value of a string literal. */
export function word(node: Node | undefined, field: 'name' | 'value'): string | undefined {
  const value = node?.[field];
  return typeof value === 'string' ? value : undefined;
}

/** Calls `visit` for every node with its ancestors, the nearest last. */
export function walk(
  node: Node,
  visit: (node: Node, ancestors: readonly Node[]) => void,
  ancestors: readonly Node[] = [],
): void {
  visit(node, ancestors);
  const below = [...ancestors, node];
  for (const field of Object.values(node)) {
    const nodes: readonly unknown[] = Array.isArray(field) ? field : [field];
    for (const one of nodes) {
      if (isNode(one)) walk(one, visit, below);
    }
  }
}

const LITERALS = new Set(['Literal', 'TemplateElement', 'JSXText']);
const COMMENT = /\/\*[^]*?\*\/|\/\/[^\n]*/g;

/** The tree has none: what is no part of a literal and looks like a comment is one. */
export function commentsOf(file: SourceFile): { readonly text: string; readonly start: number }[] {
  const parts: string[] = [];
  let at = 0;
  walk(file.tree, ({ type, start, end }) => {
    if (!LITERALS.has(type) || start < at) return;
    parts.push(file.text.slice(at, start), '.'.repeat(end - start));
    at = end;
  });
  const blanked = [...parts, file.text.slice(at)].join('');
  return [...blanked.matchAll(COMMENT)].map(({ index, 0: { length } }) => ({
    text: file.text.slice(index, index + length),
    start: index,
  }));
}

export function lineOf(file: SourceFile, offset: number): number {
  return file.text.slice(0, offset).split('\n').length;
}

/** `x.test.ts`, `x.db.test.ts`, and what only tests use: suites, fixtures, harnesses. */
export function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path);
}
export function isTestCode(path: string): boolean {
  const name = path.split('/').at(-1) ?? '';
  return isTest(path) || /(^|[.-])(suite|fixtures?|fakes?|harness|conformance)\.tsx?$/.test(name);
}

export function violation(
  file: SourceFile,
  at: Node | number,
  what: string,
  because: string,
): Violation {
  const offset = typeof at === 'number' ? at : at.start;
  return { path: file.path, line: lineOf(file, offset), what, because };
}

export function show(violations: readonly Violation[]): string {
  return violations.map((v) => `${v.path}:${v.line} ${v.what}\n    ${v.because}`).join('\n');
}
