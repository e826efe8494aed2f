/**
 * What an expression throws, and how the words of the CEL library become ours.
 */
import type { Hint } from '../../model/issue.ts';

export class ExpressionError extends Error {
  /** Offset in the source where it goes wrong, when known. */
  readonly offset: number | undefined;
  /** What to do, when a sentence can help. */
  readonly hint: Hint;
  constructor(message: string, offset?: number, hint?: Hint) {
    super(message);
    this.name = 'ExpressionError';
    this.offset = offset;
    this.hint = hint;
  }
}

const TOKENS: Readonly<Record<string, string>> = {
  EOF: 'the end',
  NUMBER: 'a number',
  STRING: 'a text',
  BOOLEAN: 'true or false',
  NULL: 'null',
  IDENTIFIER: 'a name',
  PLUS: '"+"',
  MINUS: '"-"',
  MULTIPLY: '"*"',
  DIVIDE: '"/"',
  MODULO: '"%"',
  EQ: '"=="',
  NE: '"!="',
  LT: '"<"',
  LE: '"<="',
  GT: '">"',
  GE: '">="',
  AND: '"&&"',
  OR: '"||"',
  NOT: '"!"',
  IN: '"in"',
  LPAREN: '"("',
  RPAREN: '")"',
  LBRACKET: '"["',
  RBRACKET: '"]"',
  LBRACE: '"{"',
  RBRACE: '"}"',
  DOT: '"."',
  COMMA: '","',
  COLON: '":"',
  QUESTION: '"?"',
  BYTES: 'bytes',
};

const ELSEWHERE =
  '$1 can only be used in the systems file: give the value to a system there, and name the system here with "system:"';

function reworded(summary: string): string {
  const plain = summary
    .replace(/^(Expected|Unexpected token:) ([A-Z]+)/, (_, lead, name) => {
      return `${lead === 'Expected' ? 'expected' : 'unexpected'} ${TOKENS[name] ?? name}`;
    })
    .replace(/, got ([A-Z]+)$/, (_, name) => `, found ${TOKENS[name] ?? name}`)
    .replace(/^No such key: (index out of bounds, .*)$/s, '$1')
    .replace(/^Maximum call stack.*/, 'the expression is nested too deeply')
    .replace(
      /^Unsupported type: .*/s,
      'a map that is looked into here has the key "constructor", which expressions cannot read: rename it',
    )
    .replace(/^No such key: (.*)$/s, 'there is no field "$1" here')
    .replace(/^Unknown variable: (secrets|env)$/, ELSEWHERE)
    .replace(/^Unknown variable: (.*)$/s, 'there is nothing named "$1" here')
    .replace(/^Exceeded maxAstNodes \((\d+)\)$/, 'the expression has more than $1 parts')
    .replace(/^Exceeded maxDepth \((\d+)\)$/, 'the expression is nested deeper than $1 levels');
  return plain.length > 300 ? `${plain.slice(0, 297)}...` : plain;
}

/** Any error of parsing, checking or evaluating, as an ExpressionError. `shift`: where the source begins. */
export function asExpressionError(error: unknown, shift = 0): ExpressionError {
  if (error instanceof ExpressionError) {
    if (shift === 0 || error.offset === undefined) return error;
    return new ExpressionError(error.message, error.offset + shift, error.hint);
  }
  if (!(error instanceof Error)) return new ExpressionError(String(error));
  const range = 'range' in error ? (error.range as { start?: number } | undefined) : undefined;
  const summary =
    'summary' in error && typeof error.summary === 'string' ? error.summary : error.message;
  const offset = typeof range?.start === 'number' ? range.start + shift : undefined;
  return new ExpressionError(reworded(summary), offset);
}
