/**
 * Sizes of files and functions, and of the classes that ship, ratcheted from below: nothing new over the limit, and what is over it may only shrink.
 *
 * Rule the tail, not the average: every codebase has short functions; the regretted ones also
 * have one file of thousands of lines that holds the heart. So there is no list of exempt files:
 * an entry of `RATCHET` states the size that was measured, and must be lowered as soon as the
 * file is smaller, and removed once it is within the limit.
 */
import { rootName } from './conventions.ts';
import { isShipped } from './shipped.ts';
import {
  type Node,
  type SourceFile,
  type Violation,
  child,
  children,
  isTestCode,
  lineOf,
  violation,
  walk,
  word,
} from './source.ts';

export const FUNCTION_LINES = 60;
export const FILE_LINES = 500;
export const CLASS_LINES = 200;
export const CLASS_FIELDS = 12;
/** Of a class, and of what it is given as one object (`…Parts`, `…Options`): functions as fields. */
export const CALLBACKS = 3;

type Unit = 'lines' | 'fields' | 'callbacks';

export interface RatchetEntry {
  /** `path` for a file, `path#name` for a function, a class or a type. */
  readonly of: string;
  readonly size: number;
  /** Lines unless it says so. */
  readonly unit?: Unit;
  readonly because: string;
}

export const RATCHET: readonly RatchetEntry[] = [];

interface Measured {
  readonly of: string;
  readonly node: Node | number;
  readonly file: SourceFile;
  readonly size: number;
  readonly unit: Unit;
  readonly limit: number;
}

const keyOf = ({ of, unit = 'lines' }: { of: string; unit?: Unit }): string => `${of} ${unit}`;

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
/** What groups tests is a chapter, not a function. */
const CHAPTERS = new Set(['describe', 'suite', 'requires']);

export function sizeViolations(
  files: readonly SourceFile[],
  ratchet: readonly RatchetEntry[] = RATCHET,
): Violation[] {
  const large = files.flatMap(measure).filter((one) => one.size > one.limit);
  const listed = new Map(ratchet.map((entry) => [keyOf(entry), entry]));
  const found = large.flatMap((one) => judge(one, listed.get(keyOf(one))));
  const stillLarge = new Set(large.map(keyOf));
  for (const entry of ratchet.filter((one) => !stillLarge.has(keyOf(one)))) {
    const because = 'what is within the limit stays within it.';
    found.push({ path: entry.of, line: 1, what: 'must leave the ratchet list', because });
  }
  return found;
}

function judge(one: Measured, entry: RatchetEntry | undefined): Violation[] {
  if (entry?.size === one.size) return [];
  if (entry !== undefined && one.size < entry.size) {
    const what = `shrank: lower its ratchet entry to ${one.size}`;
    return [violation(one.file, one.node, what, 'a ratchet turns one way.')];
  }
  const limit = entry?.size ?? one.limit;
  const what = `${one.of} has ${one.size} ${one.unit}, not ${limit}`;
  return [violation(one.file, one.node, what, REASONS[one.unit])];
}

const TWO_SUBJECTS =
  'what outgrows its limit has two subjects: find the noun of the second and give it a file.';
const REASONS: Readonly<Record<Unit, string>> = {
  lines: TWO_SUBJECTS,
  fields: TWO_SUBJECTS,
  callbacks:
    'closures that tie classes together hide who calls whom: give it an interface with named methods.',
};

function measure(file: SourceFile): Measured[] {
  const lines = file.text.trimEnd().split('\n').length;
  const whole = {
    of: file.path,
    node: 0,
    file,
    size: lines,
    unit: 'lines',
    limit: FILE_LINES,
  } as const;
  const ships = isShipped(file.path);
  const found: Measured[] = [whole];
  walk(file.tree, (node, ancestors) => {
    const parent = ancestors.at(-1);
    const isFunction = FUNCTIONS.has(node.type) && !isChapter(file, parent);
    const fields = ships ? fieldsOf(node) : undefined;
    if (!isFunction && fields === undefined) return;
    const named = { of: `${file.path}#${nameOf(node, parent)}`, node, file };
    const size = lineOf(file, node.end) - lineOf(file, node.start) + 1;
    if (isFunction) found.push({ ...named, size, unit: 'lines', limit: FUNCTION_LINES });
    if (fields === undefined) return;
    const callbacks = fields.filter(isCallback).length;
    found.push({ ...named, size: callbacks, unit: 'callbacks', limit: CALLBACKS });
    if (!isClass(node)) return;
    found.push({ ...named, size, unit: 'lines', limit: CLASS_LINES });
    found.push({ ...named, size: fields.length, unit: 'fields', limit: CLASS_FIELDS });
  });
  return found;
}

function isClass(node: Node): boolean {
  return node.type === 'ClassDeclaration' || node.type === 'ClassExpression';
}

/** Of a class, and of a type by which a class is given what it works with. */
function fieldsOf(node: Node): readonly Node[] | undefined {
  const members = children(child(node, 'body'), 'body');
  if (isClass(node)) return members.filter(isField);
  const isGiven =
    node.type === 'TSInterfaceDeclaration' && /(Parts|Options)$/.test(nameOf(node, undefined));
  return isGiven ? members.filter((one) => one.type === 'TSPropertySignature') : undefined;
}

/** A field that holds a function of its own is a method. */
function isField(member: Node): boolean {
  if (member.type !== 'PropertyDefinition' || member['static'] === true) return false;
  return !FUNCTIONS.has(child(member, 'value')?.type ?? '') || isCallback(member);
}

/** Its type is a function, or a function or nothing. */
function isCallback(field: Node): boolean {
  const type = child(child(field, 'typeAnnotation'), 'typeAnnotation');
  const types =
    type?.type === 'TSUnionType' ? children(type, 'types') : type === undefined ? [] : [type];
  return types.some(
    (one) =>
      one.type === 'TSFunctionType' || child(one, 'typeAnnotation')?.type === 'TSFunctionType',
  );
}

function isChapter(file: SourceFile, parent: Node | undefined): boolean {
  const inTests = isTestCode(file.path) || file.path.startsWith('tests/');
  return inTests && parent?.type === 'CallExpression' && CHAPTERS.has(rootName(parent));
}

function nameOf(node: Node, parent: Node | undefined): string {
  const named = child(node, 'id') ?? child(parent, 'id') ?? child(parent, 'key');
  return word(named, 'name') ?? 'anonymous';
}
