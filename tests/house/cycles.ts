/** No circles: of files that import each other, by values or by types, or of folders beside each other. */
import { posix } from 'node:path';
import { importsOf, targetOf } from './imports.ts';
import { type SourceFile, type Violation, isTestCode } from './source.ts';

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

const because = 'what imports in a circle can be understood, tested and moved only as one.';

export function cycleViolations(files: readonly SourceFile[]): Violation[] {
  const shipped = files.filter(({ path }) => !/^tests\/|^bench\//.test(path) && !isTestCode(path));
  const imports = new Map(shipped.map((file) => [file.path, new Set(targetsOf(file))]));
  return [...circlesOf(imports), ...circlesOf(foldersOf(imports))].map((circle) => ({
    path: circle[0] ?? '',
    line: 1,
    what: `imports in a circle: ${circle.join(' → ')}`,
    because,
  }));
}

function targetsOf(file: SourceFile): string[] {
  return importsOf(file)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => targetOf(file.path, specifier));
}

/** A folder and what is inside of it are one: its files may stand above and below its folders. */
function foldersOf(imports: Graph): Graph {
  const folders = new Map<string, Set<string>>();
  for (const [path, targets] of imports) {
    const from = posix.dirname(path);
    const known = folders.get(from) ?? new Set<string>();
    folders.set(from, known);
    for (const target of targets) {
      const to = posix.dirname(target);
      const nested = `${from}/`.startsWith(`${to}/`) || `${to}/`.startsWith(`${from}/`);
      if (!nested && imports.has(target)) known.add(to);
    }
  }
  return folders;
}

/** One circle for each node that is found on the way again. */
function circlesOf(graph: Graph): string[][] {
  const found: string[][] = [];
  const over = new Set<string>();
  const visit = (node: string, way: readonly string[]): void => {
    const at = way.indexOf(node);
    if (at !== -1) found.push([...way.slice(at), node]);
    if (at !== -1 || over.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...way, node]);
    over.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return found;
}
