/**
 * Every sentence that a user can meet: the texts in the code that ships which are prose, file by file.
 * What is put in at run time stands as {name}. Texts of bugs, of SQL and of types are left out.
 */
import { isShipped } from '../house/shipped.ts';
import { type Node, type SourceFile, children, child, walk, word } from '../house/source.ts';

export interface Message {
  readonly path: string;
  readonly text: string;
}

const FOR_US = new Set(['bug', 'Error', 'mark', 'query', 'prepare']);
const SQL =
  /^\s*(select|insert|update|delete|with|create|alter|lock|set|begin|listen|notify|drop|grant|revoke|copy)\b/i;

export function messagesOf(file: SourceFile): Message[] {
  if (!isShipped(file.path)) return [];
  const found: Message[] = [];
  walk(file.tree, (node, ancestors) => {
    const text = textOf(node);
    if (text === undefined || !isProse(text) || isForUs(ancestors)) return;
    // A text that is put together is one message: its parts are read as a whole.
    if (ancestors.at(-1)?.type === 'BinaryExpression') return;
    found.push({ path: file.path, text });
  });
  return found;
}

function textOf(node: Node): string | undefined {
  if (node.type === 'Literal') return word(node, 'value');
  if (node.type === 'TemplateLiteral') return templateText(node);
  if (node.type !== 'BinaryExpression' || node['operator'] !== '+') return undefined;
  const sides = [child(node, 'left'), child(node, 'right')];
  const texts = sides.map((side) =>
    side === undefined ? '' : (textOf(side) ?? placeholder(side)),
  );
  return sides.some((side) => side !== undefined && textOf(side) !== undefined)
    ? texts.join('')
    : undefined;
}

function templateText(node: Node): string {
  const values = children(node, 'expressions');
  return children(node, 'quasis')
    .map((quasi, index) => {
      const { cooked } = quasi['value'] as { cooked: string };
      const value = values[index];
      return value === undefined ? cooked : cooked + placeholder(value);
    })
    .join('');
}

/** The last name in an expression: `{run}` of `command.run`. */
function placeholder(node: Node): string {
  let name = '';
  walk(node, (inner) => {
    if (inner.type === 'Identifier') name = word(inner, 'name') ?? name;
  });
  return `{${name}}`;
}

/** Three words at least, the first of them no keyword of SQL. */
function isProse(text: string): boolean {
  const words = text.match(/\p{L}[\p{L}'’-]*/gu) ?? [];
  return words.length >= 3 && /[a-z] [a-z]/i.test(text) && !SQL.test(text);
}

function isForUs(ancestors: readonly Node[]): boolean {
  return ancestors.some((node) => {
    if (node.type.startsWith('Import') || node.type.startsWith('TS'))
      return !/^TS(As|Satisfies|NonNull)/.test(node.type);
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return false;
    return FOR_US.has(word(child(node, 'callee'), 'name') ?? '');
  });
}

export function pageOf(messages: readonly Message[]): string {
  const files = new Map<string, Set<string>>();
  for (const { path, text } of messages) {
    const texts = files.get(path) ?? new Set<string>();
    files.set(path, texts.add(text.replaceAll(/\s+/g, ' ').trim()));
  }
  return [...files]
    .map(([path, texts]) => `${path}\n${[...texts].map((text) => `  ${text}\n`).join('')}`)
    .join('\n');
}
