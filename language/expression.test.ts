import { describe, expect, it } from 'vitest';
import { type Scope, ExpressionError, compileExpression, compileTemplate } from './expression.ts';
import type { Json, JsonObject } from '../model/json.ts';

const scope: Scope = {
  inputs: {
    n: 5,
    text: 'abc',
    list: [1, 2, 3],
    record: { gap: null },
    named: { constructor: 1 },
    items: Array.from({ length: 10_000 }, (_, position) => position),
    large: 'x'.repeat(200_000),
  },
  run: { id: 'r1', workflow: 'w', version: 2, key: 'k', businessDate: '2026-03-31' },
  tasks: {
    skipped: { status: 'skipped', output: null, attempt: 0 },
    'post-ledger': { status: 'succeeded', output: { rows: 7, tags: ['a'] }, attempt: 1 },
  },
  item: { id: 'i' },
  index: 3,
  output: { returnCode: 2 },
  attempt: { key: 'r1:t:1', number: 1 },
};

function evaluate(source: string): Json {
  return compileExpression(source).evaluate(scope);
}

function failure(source: string): ExpressionError {
  try {
    evaluate(source);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`${source} did not fail`);
}

describe('values', () => {
  it.each<[string, Json]>([
    ['inputs.n + 1', 6],
    ['1 + inputs.n', 6],
    ['inputs.n / 2', 2.5],
    ['inputs.n % 2', 1],
    ['7 / 2', 3],
    ['inputs.n == 5', true],
    ['inputs.n in [1, 5]', true],
    ['1 in inputs.list', true],
    ['inputs.list[0]', 1],
    ['inputs.list == [1, 2, 3]', true],
    ['output.returnCode in [1, 2, 3, 4]', true],
    ["tasks['post-ledger'].output.rows + 1", 8],
    ["has(tasks['post-ledger'].output.rows)", true],
    ["has(tasks['post-ledger'].output.columns)", false],
    ['has(tasks.skipped.output.rows)', false],
    ['tasks.skipped.output.?rows.orValue(3)', 3],
    ['tasks.skipped.output == null', true],
    ['run.businessDate.startsWith("2026")', true],
    ['item.id + string(index)', 'i3'],
    ['attempt.key', 'r1:t:1'],
    ['[1, "a", null, 2.5]', [1, 'a', null, 2.5]],
    ['{"a": [1], "b": inputs.record.gap}', { a: [1], b: null }],
    ['inputs.list.map(x, x * 2)', [2, 4, 6]],
    ['inputs.list.filter(x, x > 1).size()', 2],
    ['cel.bind(x, inputs.n, x + x)', 10],
    ['range(3)', [0, 1, 2]],
    ['range(inputs.n - 3)', [0, 1]],
    ['inputs.text.test("^a.c$")', true],
    ['inputs.text.replace("b", "--")', 'a--c'],
    ['timestamp("2026-01-01T00:00:00Z") + duration("1h")', '2026-01-01T01:00:00.000Z'],
    ['duration("90s")', '90s'],
    ['b"abc"', 'YWJj'],
    ['optional.none()', null],
    ['uint(3)', 3],
    ['${{ inputs.n > 3 }}', true],
    ['  ${{ {"a": {"b": 1}} }}  ', { a: { b: 1 } }],
  ])('%s', (source, expected) => {
    expect(evaluate(source)).toEqual(expected);
  });
});

describe('failures say what and where', () => {
  it.each<[string, string, number | undefined]>([
    ['', 'is empty', 0],
    ['${{ }}', 'is empty', 3],
    ['1 +', 'unexpected the end', 3],
    ['(1', 'expected ")", found the end', 2],
    ['${{ inputs.n === 3 }}', 'Unexpected character', 15],
    ['foo', 'there is nothing named "foo"', 0],
    ['${{ foo }}', 'there is nothing named "foo"', 4],
    ['inputs.record.gap.b', 'there is no field "b"', 18],
    ['tasks.skipped.output.rows', 'there is no field "rows"', 21],
    ['inputs.list[9]', 'index out of bounds', 0],
    ['"a" + 1', 'no such overload: string + int', 0],
    ['1 / 0', 'division by zero', 0],
    ['inputs.n / 0', 'Infinity', undefined],
    ['9223372036854775807', 'too large for JSON', undefined],
    ['tasks', 'must be followed by a name', 0],
    ['tasks[inputs.text]', 'must be followed by a name', 0],
    ['inputs.text.matches("a")', 'use test(...)', 11],
    ['inputs.text.test("(")', 'the pattern does not parse', undefined],
    ['${{ 1 }} and ${{ 2 }}', 'one expression', 8],
    ['${{ 1', 'has no "}}"', 0],
  ])('%s', (source, message, offset) => {
    const error = failure(source);
    expect(error.message).toContain(message);
    expect(error.offset).toBe(offset);
  });
});

describe('prototypes are out of reach', () => {
  it.each([
    'inputs.__proto__',
    'inputs["__proto__"]',
    'inputs.constructor',
    'inputs.named.constructor.constructor',
    'inputs.text.constructor',
    'inputs.list.length',
    'inputs.list.map',
    'inputs.text.length',
    'inputs.toString',
    'constructor',
    '__proto__',
    'hasOwnProperty',
    'inputs.list.constructor("return 1")',
    'run.__defineGetter__("a", 1)',
  ])('%s', (source) => {
    expect(() => evaluate(source)).toThrow(ExpressionError);
  });

  it('drops a key __proto__ of what it parses', () => {
    expect(evaluate('bytes("{\\"__proto__\\": {\\"x\\": 1}}").json()')).not.toHaveProperty('x');
  });
});

describe('hostile expressions end', () => {
  const many = (part: string, times: number) =>
    Array.from({ length: times }, () => part).join(', ');
  it.each([
    ['three loops', 'inputs.items.map(x, [1].map(y, [2].map(z, z)))'],
    ['two long loops', 'inputs.items.map(x, inputs.items.map(y, x * y))'],
    ['a long list', 'range(100000).map(x, x)'],
    ['search in a loop', 'inputs.items.map(x, x in inputs.items)'],
    ['errors swallowed', 'inputs.items.exists(x, 1 / 0 == 1)'],
    ['refusal swallowed', 'inputs.items.exists(x, inputs.items.exists(y, x < 0)) || true'],
    ['doubling', 'cel.bind(a, inputs.large + inputs.large, cel.bind(b, a + a, b + b + b))'],
    ['doubling a list', 'cel.bind(a, range(90000), a + a)'],
    ['many copies', 'inputs.items.map(x, inputs.large)'],
    ['joining copies', 'range(90).map(x, inputs.large).join("")'],
    ['replacing', 'inputs.large.replace("x", inputs.large)'],
    ['much replacing', `[${many('inputs.large.replace("x", "y")', 60)}]`],
    ['comparing', `[${many('inputs.items == range(10000)', 60)}]`],
    ['scanning', 'inputs.items.map(x, size(inputs.large))'],
    ['a hostile duration', 'duration(inputs.large.replace("x", "1"))'],
    ['a long subject', 'inputs.large.test("(x+x+)+y")'],
    ['a long pattern', 'inputs.text.test(inputs.large)'],
    ['nested repeats', 'inputs.text.test("((a{100}){100}){100}")'],
    [
      'time zones',
      'range(5000).map(x, timestamp("2026-01-01T00:00:00Z").getHours("Europe/Berlin"))',
    ],
    ['deep parentheses', '('.repeat(9_000)],
    ['deep minus', `${'-'.repeat(9_000)}1`],
    ['many nodes', `1${' + 1'.repeat(600)}`],
    ['a long source', `"${'x'.repeat(20_000)}"`],
    ['lists of lists', 'inputs.items.map(x, range(1000))'],
  ])('%s', (_, source) => {
    expect(() => evaluate(source)).toThrow(ExpressionError);
  });

  it('does not mind ordinary work on large lists', () => {
    expect(evaluate('inputs.items.filter(x, x % 2 == 0).map(x, {"id": x}).size()')).toBe(5_000);
    expect(evaluate('inputs.items.all(x, x >= 0)')).toBe(true);
  });

  it('finds in linear time what backtracks elsewhere', () => {
    expect(evaluate('inputs.large.substring(0, 20000).test("(x+x+)+y")')).toBe(false);
  });
});

describe('references', () => {
  it.each<[string, string[]]>([
    ['tasks.a.output.x > tasks.b.output.y', ['a', 'b']],
    ["tasks['post-ledger'].status == 'failed'", ['post-ledger']],
    ["tasks.?a.?output.orValue(tasks[?'b'])", ['a', 'b']],
    ['[1].map(tasks, tasks + 1)', []],
    ['tasks.a.output.map(tasks, tasks.b)', ['a']],
    ['cel.bind(tasks, tasks.a.output, tasks.b)', ['a']],
    ['has(tasks.a.output.x) ? tasks.a.output.x : 0', ['a']],
    ['{"k": tasks.a.status, tasks.b.status: 1}', ['a', 'b']],
    ['inputs.tasks.x', []],
    ['!tasks.a.output.ok || -tasks.b.output.n < 0', ['a', 'b']],
    ['range(tasks.a.output.n).size()', ['a']],
  ])('%s', (source, tasks) => {
    expect(compileExpression(source).tasks).toEqual(tasks);
  });

  it('gives their places, also inside ${{ }}', () => {
    expect(compileExpression("${{ tasks.ab.x + tasks['c'].y }}").references).toEqual([
      { task: 'ab', offset: 10 },
      { task: 'c', offset: 23 },
    ]);
  });
});

describe('templates', () => {
  const render = (value: Json): Json => compileTemplate(value).render(scope);

  it('keeps the type of a lone expression and makes text of a mixture', () => {
    expect(render('${{ inputs.list }}')).toEqual([1, 2, 3]);
    expect(render('${{ inputs.record.gap }}')).toBeNull();
    expect(render('n=${{ inputs.n }}, ${{ inputs.list }}')).toBe('n=5, [1,2,3]');
    expect(render(['${{ inputs.record.gap }}', 1])).toEqual([null, 1]);
  });

  it('renders inside lists and records, and keeps what is constant as it is', () => {
    const constant = { deep: [1, 2, { a: 'b' }] };
    const template = compileTemplate({ constant, text: '${{ tasks.skipped.status }}!' });
    const rendered = template.render(scope);
    expect(rendered).toEqual({ constant, text: 'skipped!' });
    expect(rendered).toHaveProperty('constant', constant);
    expect(template.tasks).toEqual(['skipped']);
    expect(template.constant).toBe(false);
    expect(compileTemplate(constant).constant).toBe(true);
    expect(compileTemplate(constant).render(scope)).toBe(constant);
  });

  it('finds the end of an expression by its braces and quotes', () => {
    expect(render('${{ {"a": {"b": 1}} }}')).toEqual({ a: { b: 1 } });
    expect(render("<${{ 'a }} b' }}>")).toBe('<a }} b>');
    expect(render('<${{ """a"}}""" }}>')).toBe('<a"}}>');
    expect(render('${HOME} $(date) {{ x }} }}')).toBe('${HOME} $(date) {{ x }} }}');
  });

  it('refuses null inside a text', () => {
    expect(() => render('rm -rf /data/${{ inputs.record.gap }}')).toThrow('null cannot stand');
  });

  it('says where a mistake is', () => {
    expect(() => compileTemplate('a ${{ inputs.n + }}')).toThrow(
      expect.objectContaining({ offset: 17 }),
    );
    expect(() => compileTemplate('a ${{ inputs.n')).toThrow('has no "}}"');
  });

  it.each(['__proto__', 'constructor', 'prototype'])(
    'refuses a map with the key %s, which the library would leave out',
    (key) => {
      const words = `a map cannot have the key "${key}": rename it`;
      const literal = `{"a": 1, "${key}": 2}`;
      expect(() => compileExpression(literal)).toThrow(words);
      expect(() => compileExpression(`[1].map(n, ${literal})`)).toThrow(words);
      expect(() => compileTemplate(`\${{ ${literal} }}`)).toThrow(words);
      const calculated = compileExpression('{inputs.name: 1}');
      expect(() => calculated.evaluate({ ...scope, inputs: { name: key } })).toThrow(words);
    },
  );

  it.each(['toString', 'hasOwnProperty', 'valueOf', 'hasValue', 'isPrototypeOf', 'then'])(
    'has %s as a key like any other, and never reads one that is inherited',
    (key) => {
      const of = (source: string, inputs: Json = {}) =>
        compileExpression(source).evaluate({ ...scope, inputs: inputs as JsonObject });
      expect(of(`{"${key}": 1}`)).toEqual({ [key]: 1 });
      expect(of(`inputs.${key}`, { [key]: 2 })).toBe(2);
      expect(of(`has(inputs.${key})`)).toBe(false);
      expect(of(`"${key}" in inputs`)).toBe(false);
      expect(() => of(`inputs.${key}`)).toThrow(`no field "${key}"`);
      expect(() => of(`inputs["${key}"]`)).toThrow(`no field "${key}"`);
    },
  );

  it('keeps a key __proto__ a key', () => {
    const value = JSON.parse('{"__proto__": "${{ inputs.n }}"}') as Json;
    expect(JSON.stringify(render(value))).toBe('{"__proto__":5}');
  });
});
