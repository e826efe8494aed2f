/**
 * The words of the YAML parser, made ours; with a hint where an expression was most likely meant.
 * Three spellings look right and are not: `when: ${{ a ? 'x' : 'y' }}` (": " begins a map),
 * `when: !done` (a tag: silently an empty text), `when: 'a' == b` (text after a text).
 */
import type { YAMLParseError, YAMLWarning } from 'yaml';
import type { Problem } from '../../model/errors.ts';

export const QUOTE_HINT = 'quote this expression';

/** As much of a line is looked at: it may be all of a large file. */
const NEAR = 500;

const EXPRESSION_LINE =
  /\$\{\{|^\s*(?:-\s+)?(?:when|until|warn|each|holds|items)\s*:|:\s*["'[{].*(?:==|!=|&&|\|\||[<>]|\bin\b)/;

export function yamlIssue(error: YAMLParseError | YAMLWarning, text: string): Problem {
  const [offset] = error.pos;
  const near = text.slice(Math.max(0, offset - NEAR), offset + NEAR);
  const at = Math.min(offset, NEAR);
  const start = at === 0 ? 0 : near.lastIndexOf('\n', at - 1) + 1;
  const end = near.indexOf('\n', at);
  const line = near.slice(start, end === -1 ? undefined : end);
  const message = worded(error);
  return {
    code: 'yaml.syntax',
    message,
    ...(EXPRESSION_LINE.test(line) ? { hint: QUOTE_HINT } : generalHint(error)),
  };
}

type Rewording = readonly [pattern: RegExp, ours: string];

const WORDS: readonly Rewording[] = [
  [/^Unresolved tag: (.*)$/, '"$1" is read as a YAML tag, which has no meaning here'],
  [/^Nested mappings are not allowed.*$/, '": " begins a map, which cannot stand here'],
  [/^Tabs are not allowed as indentation$/, 'tabs cannot indent: use spaces'],
  [/^Missing closing (.)quote$/, 'the text has no closing $1'],
  [/^Plain value cannot start with .* (.)$/, 'an unquoted text cannot start with $1'],
  [/^Unexpected scalar at node end$/, 'there is more text after the value'],
  [/^Unexpected (.*) in YAML stream(.*)$/, 'unexpected $1$2'],
];

function worded({ message }: YAMLParseError | YAMLWarning): string {
  const [first = ''] = message.split('\n');
  for (const [pattern, ours] of WORDS) {
    if (pattern.test(first)) return first.replace(pattern, ours);
  }
  return first.charAt(0).toLowerCase() + first.slice(1);
}

function generalHint({ code }: YAMLParseError | YAMLWarning): { hint?: string } {
  if (code === 'BAD_SCALAR_START' || code === 'BLOCK_AS_IMPLICIT_KEY') {
    return { hint: 'put the text in quotes, or check the indentation' };
  }
  return code === 'TAG_RESOLVE_FAILED' ? { hint: QUOTE_HINT } : {};
}
