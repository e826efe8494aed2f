import { describe, expect, it } from 'vitest';
import type { InputDeclaration } from '../model/definition.ts';
import { checkInputs, parseInputText } from './inputs.ts';
import type { Json } from '../model/json.ts';

const inputs: Record<string, InputDeclaration> = {
  orderId: { type: 'string', required: true, pattern: '^[A-Z]{2}-[0-9]{6}$' },
  amount: { type: 'number', required: false, minimum: 0, maximum: 1_000_000 },
  count: { type: 'integer', required: false, default: 3 },
  region: { type: 'string', required: false, enum: ['north', 'south'] },
  note: { type: 'string', required: false, minLength: 2, maxLength: 4 },
  urgent: { type: 'boolean', required: false },
  extra: { type: 'object', required: false },
  lines: { type: 'array', required: false },
};
const good = { orderId: 'AB-123456' };

it('fills in defaults and leaves out what is not given', () => {
  expect(checkInputs({ inputs }, good)).toEqual({ inputs: { orderId: 'AB-123456', count: 3 } });
});

it('takes values of every type', () => {
  const given = {
    ...good,
    amount: 1.5,
    count: 4,
    region: 'north',
    note: 'äöü',
    urgent: false,
    extra: { a: 1 },
    lines: [1],
  };
  expect(checkInputs({ inputs }, given)).toEqual({ inputs: given });
});

describe('refuses', () => {
  it.each<[string, Record<string, unknown>, string, string?]>([
    ['a missing input', {}, 'the input "orderId" is missing'],
    [
      'an unknown input',
      { ...good, ammount: 1 },
      'there is no input "ammount"',
      'did you mean "amount"?',
    ],
    ['a number for a text', { orderId: 5 }, 'must be a text, found 5'],
    ['a text for a number', { ...good, amount: '5' }, 'must be a number, found "5"'],
    ['not a number', { ...good, amount: Number.NaN }, 'must be a number'],
    ['a fraction', { ...good, count: 1.5 }, 'must be a whole number, found 1.5'],
    ['an unsafe integer', { ...good, count: 2 ** 60 }, 'must be a whole number'],
    ['null', { ...good, count: null }, 'must be a whole number, found nothing'],
    ['a list for a map', { ...good, extra: [] }, 'must be a map, found a list'],
    ['a map for a list', { ...good, lines: {} }, 'must be a list, found a map'],
    ['a text for true', { ...good, urgent: 'true' }, 'must be true or false'],
    ['too small', { ...good, amount: -1 }, 'must be at least 0, found -1'],
    ['too large', { ...good, amount: 2e6 }, 'must be at most 1000000'],
    ['too short', { ...good, note: 'a' }, 'must have at least 2 characters, found 1'],
    ['too long', { ...good, note: 'abcde' }, 'must have at most 4 characters, found 5'],
    ['no match', { orderId: 'x' }, 'must match ^[A-Z]{2}-[0-9]{6}$, found "x"'],
    [
      'outside the enum',
      { ...good, region: 'east' },
      'must be one of "north", "south", found "east"',
    ],
    ['a name of a prototype', { ...good, constructor: 1 }, 'there is no input "constructor"'],
  ])('%s', (_, given, message, hint) => {
    const { problems = [] } = checkInputs({ inputs }, given);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain(message);
    expect(problems[0]).toMatchObject(hint === undefined ? { code: 'inputs.invalid' } : { hint });
  });

  it('everything at once', () => {
    const { problems = [] } = checkInputs({ inputs }, { amount: 'x', count: 'y', zzz: 1 });
    expect(problems.map(({ path }) => path)).toEqual([
      'inputs.orderId',
      'inputs.amount',
      'inputs.count',
      'inputs.zzz',
    ]);
  });
});

it('matches hostile texts in linear time', () => {
  const hostile: Record<string, InputDeclaration> = {
    x: { type: 'string', required: true, pattern: '^(a+)+$' },
  };
  expect(checkInputs({ inputs: hostile }, { x: `${'a'.repeat(10_000)}!` }).problems).toHaveLength(
    1,
  );
});

it('keeps __proto__ a name', () => {
  const { problems = [] } = checkInputs(
    { inputs },
    JSON.parse('{"orderId": "AB-123456", "__proto__": {"polluted": 1}}'),
  );
  expect(problems[0]?.message).toBe('there is no input "__proto__"');
  expect({}).not.toHaveProperty('polluted');
});

describe('inputs as text', () => {
  it.each<[InputDeclaration['type'], string, Json]>([
    ['string', '007', '007'],
    ['string', 'true', 'true'],
    ['string', '', ''],
    ['number', '1.5', 1.5],
    ['integer', '12', 12],
    ['boolean', 'true', true],
    ['object', '{"a": 1}', { a: 1 }],
    ['array', '[1, "b"]', [1, 'b']],
  ])('%s %s', (type, text, value) => {
    expect(parseInputText({ type, required: true }, text)).toEqual({ value });
  });

  it.each<[InputDeclaration['type'], string]>([
    ['number', 'x'],
    ['number', ''],
    ['number', '"5"'],
    ['integer', '1.5'],
    ['boolean', 'yes'],
    ['object', '[]'],
    ['array', '1, 2'],
  ])('refuses %s %s', (type, text) => {
    expect(parseInputText({ type, required: true }, text).message).toContain('must be');
  });

  it('leaves what is not declared to the check', () => {
    expect(parseInputText(undefined, '5')).toEqual({ value: '5' });
  });
});
