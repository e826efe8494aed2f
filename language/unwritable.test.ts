/** What JSON cannot say is refused by whatever road it comes: file, program, expression. */
import { describe, expect, it } from 'vitest';
import { compileExpression, type Scope } from './expression.ts';
import { lowerWorkflow, readWorkflow } from './read.ts';

const SCOPE: Scope = {
  inputs: {},
  run: { id: '', workflow: '', version: 1, key: '', businessDate: '' },
  tasks: {},
};

describe('a text of a workflow file', () => {
  it.each([
    ['workflow: a\n# x\0y\ntasks: { t: { action: tutti.noop } }\n', 2, 4],
    ['workflow: a\ntitle: "x\\0y"\ntasks: { t: { action: tutti.noop } }\n', 2, 8],
    ['workflow: a\n"o\\0": b\ntasks: { t: { action: tutti.noop } }\n', 2, 1],
    ['workflow: a\ntitle: "x\ud800y"\ntasks: { t: { action: tutti.noop } }\n', 2, 10],
  ])('that no database can store is refused where it stands: %j', (source, line, column) => {
    const { definition, problems } = readWorkflow(source);
    expect(definition).toBeNull();
    expect(problems[0]).toMatchObject({ code: 'source.text', line, column });
  });

  it('is refused in the definition that a program made, too', () => {
    const { problems } = lowerWorkflow({ workflow: 'a\0', tasks: {} });
    expect(problems[0]).toMatchObject({ path: 'workflow' });
  });
});

describe('what an expression gives', () => {
  it.each(['"a" + "\\u0000"', '{"a\\u0000": 1}', '["\\u0000"]'])('%s is refused', (source) => {
    expect(() => compileExpression(source).evaluate(SCOPE)).toThrow(/U\+0000/);
  });
});
