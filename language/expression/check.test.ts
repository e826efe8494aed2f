import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ExpressionError, compileExpression, describeTypes } from '../expression.ts';

const ledger = z.toJSONSchema(
  z.object({ rows: z.int(), name: z.string(), tags: z.array(z.string()) }),
);
const typesAt = describeTypes({
  inputs: {
    n: { type: 'integer', required: true },
    text: { type: 'string', required: true },
    list: { type: 'array', required: false },
  },
  outputs: new Map([
    ['post-ledger', ledger],
    ['anything', undefined],
  ]),
});

/** Of what it throws. */
function hintOf(compile: () => unknown): string | undefined {
  try {
    compile();
  } catch (error) {
    const hint = error instanceof ExpressionError ? error.hint : undefined;
    return typeof hint === 'function' ? hint() : hint;
  }
  return undefined;
}

describe('types known', () => {
  it.each([
    'inputs.n + 1 > 3',
    'inputs.n in [1, 2]',
    'inputs.n > 1 ? inputs.n : 0',
    'inputs.list[0] == 3',
    'inputs.list.map(x, x + 1)',
    'size(inputs.text) > inputs.n',
    'tasks["post-ledger"].output.rows == 5',
    'tasks["post-ledger"].output == null',
    'tasks["post-ledger"].output.tags[0].startsWith("a")',
    'tasks["post-ledger"].output.?rows.orValue(0)',
    'has(tasks["post-ledger"].output.rows)',
    'tasks.anything.output.whatever.deep > "x"',
    'tasks.anything.status == "succeeded"',
    'run.businessDate == "2026-03-31"',
  ])('accepts %s', (source) => {
    expect(() => compileExpression(source, typesAt({}))).not.toThrow();
  });

  it.each<[string, string, number, string?]>([
    ['inputs.m', 'no field "m"', 7, 'there are: n, text, list'],
    ['inputs.txt', 'no field "txt"', 7, 'did you mean "text"?'],
    ['inputs.text > 1', 'no such overload: string > int', 0],
    ['tasks["post-leger"].output', 'no task "post-leger"', 6, 'did you mean "post-ledger"?'],
    ['tasks["post-ledger"].output.rwos', 'no field "rwos"', 28, 'did you mean "rows"?'],
    ['1 + tasks["post-ledger"].output.name', 'int + string', 0],
    ['tasks.anything.statuss', 'no field "statuss"', 15, 'did you mean "status"?'],
    ['true && item.x', 'only be used in a task with "each"', 8],
    ['output.x', '"warn" and "until"', 0],
    ['inputs.text.substring(inputs.n)', 'no matching overload', 0, 'int(...) makes a whole number'],
  ])('refuses %s', (source, message, offset, hint) => {
    const compile = () => compileExpression(source, typesAt({}));
    expect(compile).toThrow(ExpressionError);
    expect(compile).toThrow(expect.objectContaining({ offset }));
    expect(hintOf(compile)).toBe(hint);
    expect(compile).toThrow(message);
  });

  it('knows the output of the attempt itself', () => {
    const types = typesAt({ output: { schema: ledger }, item: true });
    expect(() => compileExpression('output.rows > index && item.x == 1', types)).not.toThrow();
    expect(() => compileExpression('output.row > 3', types)).toThrow('no field "row"');
  });
});
