/**
 * Conventions of a file: its name, its story at the top, no leftovers, complete switches, and tests
 * that can fail and never wait for time.
 */
import {
  type Node,
  type SourceFile,
  type Violation,
  child,
  children,
  isTest,
  isTestCode,
  violation,
  walk,
  word,
} from './source.ts';

const BUCKETS = new Set('utils util common shared helpers helper types core lib misc'.split(' '));
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*$/;
// The classes keep this line from breaking its own rule.
const LEFTOVER = /\b(TO[D]O|FIX[M]E|X[X]X)\b/;

export function nameViolations(file: SourceFile): Violation[] {
  const parts = file.path.split('/');
  const stems = parts.map((part, i) =>
    i === parts.length - 1 ? (part.split('.')[0] ?? '') : part,
  );
  return stems.flatMap((stem) => {
    if (BUCKETS.has(stem)) {
      return [violation(file, 0, `is called ${stem}`, 'a bucket has no subject: name the noun.')];
    }
    if (KEBAB.test(stem)) return [];
    return [violation(file, 0, `${stem} is not kebab-case`, 'one spelling, found by one search.')];
  });
}

export function storyViolations(file: SourceFile): Violation[] {
  if (isTest(file.path) || !file.path.endsWith('.ts') || isIndex(file)) return [];
  if (/^(#![^\n]*\n)?\s*(\/\*\*|\/\/)/.test(file.text)) return [];
  return [
    violation(file, 0, 'has no header comment', 'the top of a file is its story: say why it is.'),
  ];
}

function isIndex(file: SourceFile): boolean {
  const body = children(file.tree, 'body');
  return body.every(
    (node) => node.type.startsWith('Export') && child(node, 'source') !== undefined,
  );
}

export function leftoverViolations(file: SourceFile): Violation[] {
  return file.text.split('\n').flatMap((line, i) => {
    const hit = LEFTOVER.exec(line);
    if (hit === null) return [];
    const because = 'what is not done is an issue, not a comment.';
    return [{ path: file.path, line: i + 1, what: `says ${hit[0]}`, because }];
  });
}

export function switchViolations(file: SourceFile): Violation[] {
  if (!/^(model|language|protocol|kernel)\//.test(file.path) || isTestCode(file.path)) return [];
  const found: Violation[] = [];
  walk(file.tree, (node) => {
    if (node.type !== 'SwitchCase' || node['test'] !== null) return;
    const because = 'without `default` the compiler lists what a new state has not been given.';
    found.push(violation(file, node, 'has a switch with `default:`', because));
  });
  return found;
}

/** What makes a folder in the rooms that ship: on some paths Node's own loop over its levels never ends. */
export function folderViolations(file: SourceFile): Violation[] {
  if (/^(tests|bench|examples)\//.test(file.path) || isTestCode(file.path)) return [];
  const found: Violation[] = [];
  walk(file.tree, (node) => {
    if (node.type !== 'CallExpression' || !/^mkdir(Sync)?$/.test(calledName(node))) return;
    const options = children(node, 'arguments').flatMap((given) => children(given, 'properties'));
    if (!options.some((one) => word(child(one, 'key'), 'name') === 'recursive')) return;
    const because = 'under /proc it tries again for ever: make the levels one by one.';
    found.push(violation(file, node, 'makes folders with `recursive`', because));
  });
  return found;
}

function calledName(call: Node): string {
  const callee = child(call, 'callee');
  return word(callee, 'name') ?? word(child(callee, 'property'), 'name') ?? '';
}

const SUITES = new Set(['it', 'test', 'describe', 'suite', 'bench']);
const EVASIONS = new Set(['skip', 'only', 'todo', 'skipIf', 'runIf', 'fails']);
const POLLS = new Set(['waitFor', 'waitUntil', 'poll']);
/** Where skipping is done, with its reason, for all others. */
const SKIPPER = 'tests/requires.ts';

export function testViolations(file: SourceFile): Violation[] {
  if (!isTestCode(file.path) && file.path !== SKIPPER) return [];
  const found: Violation[] = [];
  walk(file.tree, (node, ancestors) => {
    const evasion = file.path === SKIPPER ? undefined : evades(node);
    if (evasion !== undefined) {
      const because = 'a test that does not run proves nothing: `requires` skips with a reason.';
      found.push(violation(file, node, evasion, because));
    }
    // A conformance suite follows jobs as their connector asks; that is no wait for luck.
    const wait = isTest(file.path) ? waitsForTime(node, ancestors) : undefined;
    if (wait !== undefined) {
      const because = 'tests wait for signals, never for time: a sleep is slow, and still races.';
      found.push(violation(file, node, wait, because));
    }
  });
  return found;
}

function evades(node: Node): string | undefined {
  if (isCallOf(node, 'expect')) {
    const [first] = children(node, 'arguments');
    return typeof first?.['value'] === 'boolean' ? 'expects a constant' : undefined;
  }
  if (node.type !== 'MemberExpression') return undefined;
  const property = word(child(node, 'property'), 'name') ?? '';
  if (!EVASIONS.has(property) || !SUITES.has(rootName(node))) return undefined;
  return `uses .${property}`;
}

/** `it` of `it.concurrent.skip`, `describe` of `describe.each(…)(…)`. */
export function rootName(node: Node): string {
  const inner = child(node, 'object') ?? child(node, 'callee');
  return inner === undefined ? (word(node, 'name') ?? '') : rootName(inner);
}

function isCallOf(node: Node, name: string): boolean {
  return node.type === 'CallExpression' && word(child(node, 'callee'), 'name') === name;
}

function waitsForTime(node: Node, ancestors: readonly Node[]): string | undefined {
  if (node.type === 'ImportDeclaration') {
    const source = word(child(node, 'source'), 'value');
    return source === 'node:timers/promises' ? 'imports node:timers/promises' : undefined;
  }
  const callee = node.type === 'CallExpression' ? child(node, 'callee') : undefined;
  if (callee?.type === 'MemberExpression') {
    const property = word(child(callee, 'property'), 'name') ?? '';
    const asks = ['vi', 'expect'].includes(rootName(callee)) && POLLS.has(property);
    return asks ? `uses ${rootName(callee)}.${property}` : undefined;
  }
  const sleeps = isCallOf(node, 'setTimeout') && resolvesLater(node, ancestors);
  return sleeps ? 'sleeps with setTimeout' : undefined;
}

/**
 * `setTimeout` inside `new Promise((resolve) => …)` whose callback is or calls `resolve`. A guard
 * that *rejects* after a while is fine: it ends a hang, and nothing waits for it.
 */
function resolvesLater(call: Node, ancestors: readonly Node[]): boolean {
  const promise = ancestors.findLast(
    (node) => node.type === 'NewExpression' && word(child(node, 'callee'), 'name') === 'Promise',
  );
  const [executor] = children(promise, 'arguments');
  const [first] = children(executor, 'params');
  const [callback] = children(call, 'arguments');
  const resolve = word(first, 'name');
  if (resolve === undefined || callback === undefined) return false;
  let calls = word(callback, 'name') === resolve;
  walk(callback, (node) => {
    calls ||= isCallOf(node, resolve);
  });
  return calls;
}
