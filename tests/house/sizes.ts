/**
 * Sizes, ratcheted from below: nothing new over the limit, and what is over it may only shrink.
 *
 * Rule the tail, not the average: every codebase has short functions; the regretted ones also
 * have one file of thousands of lines that holds the heart. So there is no list of exempt files:
 * an entry of `RATCHET` states the size that was measured, and must be lowered as soon as the
 * file is smaller, and removed once it is within the limit.
 */
import { rootName } from './conventions.ts';
import {
  type Node,
  type SourceFile,
  type Violation,
  child,
  isTestCode,
  lineOf,
  violation,
  walk,
  word,
} from './source.ts';

export const FUNCTION_LINES = 60;
export const FILE_LINES = 500;

export interface RatchetEntry {
  /** `path` for a file, `path#name` for a function. */
  readonly of: string;
  readonly lines: number;
  readonly because: string;
}

export const RATCHET: readonly RatchetEntry[] = [];

interface Measured {
  readonly of: string;
  readonly node: Node | number;
  readonly file: SourceFile;
  readonly lines: number;
  readonly limit: number;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
/** What groups tests is a chapter, not a function. */
const CHAPTERS = new Set(['describe', 'suite', 'requires']);

export function sizeViolations(
  files: readonly SourceFile[],
  ratchet: readonly RatchetEntry[] = RATCHET,
): Violation[] {
  const large = files.flatMap(measure).filter((one) => one.lines > one.limit);
  const listed = new Map(ratchet.map((entry) => [entry.of, entry]));
  const found = large.flatMap((one) => judge(one, listed.get(one.of)));
  const stillLarge = new Set(large.map((one) => one.of));
  for (const entry of ratchet.filter((one) => !stillLarge.has(one.of))) {
    const because = 'what is within the limit stays within it.';
    found.push({ path: entry.of, line: 1, what: 'must leave the ratchet list', because });
  }
  return found;
}

function judge(one: Measured, entry: RatchetEntry | undefined): Violation[] {
  if (entry?.lines === one.lines) return [];
  if (entry !== undefined && one.lines < entry.lines) {
    const what = `shrank: lower its ratchet entry to ${one.lines}`;
    return [violation(one.file, one.node, what, 'a ratchet turns one way.')];
  }
  const limit = entry?.lines ?? one.limit;
  const because =
    'what outgrows its limit has two subjects: find the noun of the second and give it a file.';
  return [violation(one.file, one.node, `${one.of} has ${one.lines} lines, not ${limit}`, because)];
}

function measure(file: SourceFile): Measured[] {
  const lines = file.text.trimEnd().split('\n').length;
  const found: Measured[] = [{ of: file.path, node: 0, file, lines, limit: FILE_LINES }];
  walk(file.tree, (node, ancestors) => {
    if (!FUNCTIONS.has(node.type) || isChapter(file, ancestors.at(-1))) return;
    found.push({
      of: `${file.path}#${nameOf(node, ancestors.at(-1))}`,
      node,
      file,
      lines: lineOf(file, node.end) - lineOf(file, node.start) + 1,
      limit: FUNCTION_LINES,
    });
  });
  return found;
}

function isChapter(file: SourceFile, parent: Node | undefined): boolean {
  const inTests = isTestCode(file.path) || file.path.startsWith('tests/');
  return inTests && parent?.type === 'CallExpression' && CHAPTERS.has(rootName(parent));
}

function nameOf(node: Node, parent: Node | undefined): string {
  const named = child(node, 'id') ?? child(parent, 'id') ?? child(parent, 'key');
  return word(named, 'name') ?? 'anonymous';
}
