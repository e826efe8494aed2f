import { expect, it } from 'vitest';
import { numbers, texts } from './arrays.ts';

it('writes array literals that mean what was given', () => {
  expect(texts(['a', null, 'NULL', 'x"y\\z', '{,}', ''], (each) => each)).toBe(
    '{"a",NULL,"NULL","x\\"y\\\\z","{,}",""}',
  );
  expect(numbers([1, null, Infinity, -0.5], (each) => each)).toBe('{1,NULL,Infinity,-0.5}');
  expect(texts([], String)).toBe('{}');
  expect(numbers([], Number)).toBe('{}');
});
