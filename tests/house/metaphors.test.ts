import { expect, it } from 'vitest';
import { metaphorViolations } from './metaphors.ts';
import { parseSource } from './source.ts';

const found = (path: string, text: string): string[] =>
  metaphorViolations(parseSource(path, text)).map(({ line, what }) => `${line} ${what}`);

it.each([
  ['/**\n * It leaves the house.\n */\nexport const a = 1;', '2 says "house" in a comment'],
  ['const a = 1; // in the book', '1 says "book" in a comment'],
  ['f();\n// Nothing else in this room asks.', '2 says "this room" in a comment'],
  ['f(/* of other rooms */);', '1 says "rooms" in a comment'],
  ['const a = /x/; // still in the air', '1 says "in the air" in a comment'],
])('finds %j', (text, what) => {
  expect(found('engine/a.ts', text)).toEqual([what]);
});

it.each([
  '// There is room for another, and the door is open.',
  'const url = "http://house/book"; f(`// the house ${a} /* book */`);',
  "import { house } from './house.ts'; const book = /\\/\\/ book/;",
])('lets pass %j', (text) => {
  expect(found('engine/a.ts', text)).toEqual([]);
});

it('reads what ships', () => {
  expect(found('tests/a.ts', '// the house')).toEqual([]);
  expect(found('engine/a.fixture.ts', '// the house')).toEqual([]);
});
