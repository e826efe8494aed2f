import { expect, it } from 'vitest';
import { idiomViolations, idiomsIn } from './idioms.ts';
import { parseSource } from './source.ts';

const found = (path: string, text: string): string[] =>
  idiomViolations(parseSource(path, text)).map(({ line, what }) => `${line} ${what}`);

it('refuses idioms, and names of the user "nobody" are none', () => {
  const said = idiomsIn(
    'It goes on.\nnobody is told\nthe user "nobody" or `nobody`\nIt continues.\nIt goes\non.',
  );
  expect(said.map((one) => one.said)).toEqual(['goes on', 'nobody', 'is told', 'goes on']);
});

it.each([
  ['/**\n * A run that goes on.\n */\nexport const a = 1;', '2 says "goes on" in a comment'],
  ['/** A run that goes\n * on. */\nexport const a = 1;', '1 says "goes on" in a comment'],
  ['f();\n// A run that nobody\n// owns.', '2 says "nobody" in a comment'],
  ['// The caller is\n  // told.\nf();', '1 says "is told" in a comment'],
  ['f(/* Mended. */);', '1 says "Mended" in a comment'],
  ['const a = /x/; // started anew', '1 says "anew" in a comment'],
])('finds %j', (text, what) => {
  expect(found('engine/a.ts', text)).toEqual([what]);
});

it.each([
  '// The run continues; no node owns it.',
  '// PostgreSQL runs as `nobody`.',
  'const nobody = "it goes on"; f(`// nobody ${a} /* anew */`);',
  '// It goes\nf();\n// on.',
])('lets pass %j', (text) => {
  expect(found('engine/a.ts', text)).toEqual([]);
});

it('reads what ships', () => {
  expect(found('tests/a.ts', '// nobody')).toEqual([]);
  expect(found('engine/a.fixture.ts', '// nobody')).toEqual([]);
});
