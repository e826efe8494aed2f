/**
 * The import law: imports point up the list of rooms, and each room has its own few packages.
 * The data is `rooms.ts`; here it is read against every import of every file.
 */
import { posix } from 'node:path';
import {
  CATALOGUE_FILE,
  ORDER,
  ROOT_FILES,
  SDKS,
  SQL_PACKAGES,
  SQL_ROOMS,
  type Room,
  homeOf,
  isOf,
  isWithin,
  roomOf,
} from './rooms.ts';
import { isShipped } from './shipped.ts';
import {
  type Node,
  type SourceFile,
  type Violation,
  child,
  children,
  isTestCode,
  violation,
  walk,
  word,
} from './source.ts';

export interface Import {
  readonly node: Node;
  readonly specifier: string;
}

const STATIC = new Set(['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration']);

/** Static and dynamic imports, re-exports, `require`, `import type`, and `new URL('./x.ts', …)`. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  walk(file.tree, (node) => {
    const specifier = word(sourceOf(node), 'value');
    if (specifier !== undefined) found.push({ node, specifier });
  });
  return found;
}

/** The names that an import or a re-export takes; what takes the module as a whole may use any. */
export function importedNames(node: Node): readonly string[] | 'all' {
  const specifiers = children(node, 'specifiers');
  const isWhole = specifiers.some(({ type }) => type === 'ImportNamespaceSpecifier');
  if (specifiers.length === 0 || isWhole) return 'all';
  return specifiers.map(
    (one) => word(child(one, 'imported') ?? child(one, 'local'), 'name') ?? 'default',
  );
}

function sourceOf(node: Node): Node | undefined {
  if (STATIC.has(node.type) || node.type === 'ImportExpression') return child(node, 'source');
  if (node.type === 'TSImportType') return child(node, 'source') ?? child(node, 'argument');
  if (node.type === 'TSExternalModuleReference') return child(node, 'expression');
  const [first] = children(node, 'arguments');
  const callee = child(node, 'callee');
  if (node.type === 'CallExpression' && isRequire(callee)) return first;
  const isUrl = node.type === 'NewExpression' && word(callee, 'name') === 'URL';
  return isUrl && /^\.{1,2}\/.*\.(ts|js)$/.test(word(first, 'value') ?? '') ? first : undefined;
}

function isRequire(callee: Node | undefined): boolean {
  const name = word(callee, 'name') ?? word(child(callee, 'object'), 'name');
  return name === 'require';
}

/** The file that a relative import means; what `tsc` built stands for what it was built from. */
export function targetOf(from: string, specifier: string): string {
  const path = posix.normalize(posix.join(posix.dirname(from), specifier));
  return path.startsWith('dist/') ? path.slice('dist/'.length).replace(/\.js$/, '.ts') : path;
}

/** `@scope/name/sub` and `name/sub` without what follows the name. */
export function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

export function importViolations(
  file: SourceFile,
  declared: ReadonlySet<string>,
  developmentOnly: ReadonlySet<string>,
): Violation[] {
  const room = roomOf(file.path);
  if (room === undefined) return strangerViolations(file);
  return importsOf(file).flatMap((entry) => {
    if (entry.specifier.startsWith('.')) return judgeRoom(file, room, entry);
    return [
      ...judgePackage(file, room, entry),
      ...judgeDeclared(file, entry, declared, developmentOnly),
    ];
  });
}

function strangerViolations(file: SourceFile): Violation[] {
  if (ROOT_FILES.includes(file.path)) return [];
  return [
    violation(
      file,
      0,
      'stands in no room',
      'every file belongs to a room of the drawing; the root holds configuration only.',
    ),
  ];
}

function judgeRoom(file: SourceFile, room: Room, entry: Import): Violation[] {
  const target = targetOf(file.path, entry.specifier);
  if (mayImport(file.path, room, target)) return [];
  return [violation(file, entry.node, `imports ${target}`, room.because)];
}

function mayImport(path: string, room: Room, target: string): boolean {
  if (isWithin(target, homeOf(path)) || room.rooms === 'all') return true;
  if (!target.includes('/') && !/\.[jt]sx?$/.test(target)) return true; // package.json and its like
  if (path === CATALOGUE_FILE && isWithin(target, 'connectors')) return true;
  if (room.rooms.some((allowed) => isOf(target, allowed))) return true;
  return isTestCode(path) && testMayImport(path, target);
}

/** A test beside its file may use every room above it, and what `tests/` offers. */
function testMayImport(path: string, target: string): boolean {
  if (isWithin(target, 'tests')) return true;
  return rankOf(target) !== -1 && rankOf(target) <= rankOf(path);
}

function rankOf(path: string): number {
  return ORDER.indexOf(path.split('/')[0] ?? path);
}

function judgePackage(file: SourceFile, room: Room, entry: Import): Violation[] {
  const name = packageOf(entry.specifier);
  const found: Violation[] = [];
  if (SQL_PACKAGES.includes(name) && !isSqlRoom(file.path)) {
    found.push(
      violation(file, entry.node, `imports ${name}`, 'SQL stands in journal and connectors/sql.'),
    );
  }
  if (room.packages === 'any' || isTestCode(file.path)) return found;
  const allowed = [...room.packages, ...(SDKS[homeOf(file.path)] ?? [])];
  if (!allowed.some((pattern) => matches(name, pattern))) {
    found.push(violation(file, entry.node, `imports ${name}`, room.because));
  }
  return found;
}

function isSqlRoom(path: string): boolean {
  return isTestCode(path) || SQL_ROOMS.some((room) => isWithin(path, room));
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function judgeDeclared(
  file: SourceFile,
  entry: Import,
  declared: ReadonlySet<string>,
  developmentOnly: ReadonlySet<string>,
): Violation[] {
  const name = packageOf(entry.specifier);
  if (name.startsWith('node:')) return [];
  if (!declared.has(name)) {
    return [
      violation(
        file,
        entry.node,
        `imports ${name}, which package.json does not name`,
        'what is not declared is there by luck, and vanishes with somebody else’s update.',
      ),
    ];
  }
  const ships = isShipped(file.path);
  if (!ships || !developmentOnly.has(name)) return [];
  return [
    violation(
      file,
      entry.node,
      `imports ${name}, a development dependency`,
      'users install dependencies only.',
    ),
  ];
}
