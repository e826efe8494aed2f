/**
 * All statements of `journal/postgres`, taken from its folder: whoever writes a new one is in the
 * list without being asked. A statement is an exported constant, or what an exported function
 * whose name ends in `Statement` makes; SQL that stands anywhere else is found in the syntax tree.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { child, lineOf, parseSource, ROOT, walk, word, type Node } from '../house/source.ts';

const FOLDER = 'journal/postgres';
/** Reads the catalogue of the database to print it, in a test. */
const PRINTER = 'schema.ts';
const SQL = /^\s*(with|select|insert|update|delete)\b/i;
const TABLES = /\b(from|into|update|delete)\b/i;

export interface Statements {
  /** Constants by name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Functions that make statements of parts. */
  readonly makers: readonly string[];
  /** Places of SQL that nobody can ask for its plan. */
  readonly hidden: readonly string[];
}

function isSql(text: string): boolean {
  return SQL.test(text) && TABLES.test(text);
}

function textOf(node: Node): string | undefined {
  if (node.type === 'Literal') return word(node, 'value');
  if (node.type !== 'TemplateLiteral') return undefined;
  return (node['quasis'] as { value: { cooked: string } }[])
    .map(({ value }) => value.cooked)
    .join(' ? ');
}

/** SQL that is no exported constant, by line. */
function looseSql(path: string): string[] {
  const file = parseSource(path, readFileSync(join(ROOT, path), 'utf8'));
  const found: string[] = [];
  walk(file.tree, (node, ancestors) => {
    const text = textOf(node);
    if (text === undefined || !isSql(text)) return;
    const [, top] = ancestors;
    const isConstant =
      top?.type === 'ExportNamedDeclaration' &&
      child(top, 'declaration')?.type === 'VariableDeclaration';
    if (!isConstant) found.push(`${path}:${lineOf(file, node.start)}`);
  });
  return found;
}

export async function allStatements(): Promise<Statements> {
  const texts = new Map<string, string>();
  const makers: string[] = [];
  const hidden: string[] = [];
  const files = readdirSync(join(ROOT, FOLDER), { recursive: true, encoding: 'utf8' });
  for (const file of files.toSorted()) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file === PRINTER) continue;
    const path = `${FOLDER}/${file}`;
    const module = (await import(join(ROOT, path))) as Record<string, unknown>;
    let makes = false;
    for (const [name, value] of Object.entries(module)) {
      if (typeof value === 'string' && isSql(value)) {
        if (texts.has(name)) throw new Error(`${path}: another statement is called ${name}, too`);
        texts.set(name, value);
      }
      if (typeof value !== 'function' || !name.endsWith('Statement')) continue;
      makes = true;
      makers.push(name);
    }
    if (!makes) hidden.push(...looseSql(path));
  }
  return { texts, makers, hidden };
}
