import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NESTING, problemSentence, readJson } from './json-text.ts';
import { readJsonBytes, readText } from './text-bytes.ts';

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('JSON from outside', () => {
  it('is what JSON.parse gives, for every value that can be kept', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(4), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const kept = !/__proto__|\\u0000|\\ud[89a-f]|\d{16}/.test(text);
        fc.pre(kept);
        expect(readJson(text)).toStrictEqual({ value: JSON.parse(text) });
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused whenever JSON.parse refuses it, and else for numbers and keys alone', () => {
    const characters = Array.from('[]{}",:\\-+.eE0123 \n\t\u0001abtrufnls');
    const pieces = fc.constantFrom(...characters, '"a":', 'true');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const code = readJson(text).problem?.code ?? 'none';
        expect(code).toMatch(parses(text) ? /^(none|json\.(number|duplicate))$/ : /^json\./);
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    [
      '{"a": 9007199254740993}',
      'the number 9007199254740993 would be rounded: it is beyond 2^53 (line 1, column 7); quote it to keep it as a text',
    ],
    [
      '[\n -9007199254740992]',
      'the number -9007199254740992 would be rounded: it is beyond 2^53 (line 2, column 2); quote it to keep it as a text',
    ],
    [
      '[12345678901234567890.5]',
      'the number 12345678901234567890.5 would be rounded: it is beyond 2^53 (line 1, column 2); quote it to keep it as a text',
    ],
    [
      '[123456789012345678e2]',
      'the number 123456789012345678e2 would be rounded: it is beyond 2^53 (line 1, column 2); quote it to keep it as a text',
    ],
    [
      `{"${'x'.repeat(61)}": 1, "${'x'.repeat(61)}": 2}`,
      'the key "(61 characters)" occurs twice in one object (line 1, column 70); remove one of them',
    ],
    ['[1e999]', 'the number 1e999 is too large (line 1, column 2); quote it to keep it as a text'],
    [
      '[0.1e-999]',
      'the number 0.1e-999 is too small, and would become 0 (line 1, column 2); quote it to keep it as a text',
    ],
    [
      '{"a": 1,\n "a": 2}',
      'the key "a" occurs twice in one object (line 2, column 2); remove one of them',
    ],
    [
      '{"\\u0061": 1, "a": 2}',
      'the key "a" occurs twice in one object (line 1, column 15); remove one of them',
    ],
    ['{"__proto__": {"x": 1}}', 'the key "__proto__" cannot be used (line 1, column 2); rename it'],
    [
      '["x\\u0000"]',
      'a text holds the character U+0000, which a database cannot store (line 1, column 2); remove it, or encode the text, as base64 for example',
    ],
    [
      '["x\\ud800"]',
      'a text holds one half of a surrogate pair, which is no text (line 1, column 2); remove it, or encode the text, as base64 for example',
    ],
    ['["a\tb"]', 'a text holds the character U+0009 unescaped (line 1, column 4); write \\u0009'],
    [
      '["a\\x"]',
      'a text holds a "\\" that begins no escape of JSON (line 1, column 2); write it as "\\\\"',
    ],
    ['["a', 'a text has no closing quote (line 1, column 2)'],
    ['', 'the text is empty (line 1, column 1); JSON is expected'],
    ['[1] 2', '"2" follows the end of the JSON (line 1, column 5); one value is expected'],
    ['{"a" 1}', '":" is expected, found "1" (line 1, column 6)'],
    ['[1, NaN]', 'a value of JSON is expected, found "NaN" (line 1, column 5)'],
    ['[01]', 'a value of JSON is expected, found "01" (line 1, column 2)'],
  ])('%s is refused: %s', (text, sentence) => {
    const { problem } = readJson(text);
    expect(problem && problemSentence(problem)).toBe(sentence);
  });

  it('may be nested as deeply as it can be written, and no deeper', () => {
    expect(readJson(nested(NESTING)).problem).toBeUndefined();
    expect(readJson(nested(NESTING + 1)).problem).toMatchObject({
      code: 'json.nesting',
      column: 101,
    });
    expect(readJson('{"a":'.repeat(200_000)).problem).toMatchObject({ code: 'json.nesting' });
  });

  it('may have keys that objects have by birth', () => {
    const text = '{"constructor":{"prototype":1},"toString":2,"hasOwnProperty":3}';
    expect(JSON.stringify(readJson(text).value)).toBe(text);
  });

  it('keeps floating point numbers and whole ones that are exact', () => {
    expect(readJson('[9007199254740991, 1e20, 0.1, -0.0, 0e5]').value).toStrictEqual([
      9007199254740991, 1e20, 0.1, -0, 0,
    ]);
  });

  it('takes time in proportion to the text, whatever stands in it', () => {
    const large = 400_000;
    const hostile = [
      `"${'\\\\'.repeat(large)}"`,
      `"${'\\"'.repeat(large)}"`,
      `[${'"",'.repeat(large)}""]`,
      `{${Array.from({ length: large / 4 }, (_, index) => `"k${index}":0`).join(',')}}`,
      `${' '.repeat(large)}1`,
    ];
    for (const text of hostile) expect(readJson(text).problem).toBeUndefined();
    expect(readJson('9'.repeat(large)).problem).toBeDefined();
    expect(readJson(`["${'\n'.repeat(large)}`).problem).toBeDefined();
  });
});

describe('bytes from outside', () => {
  it('are UTF-8, with or without a mark', () => {
    expect(readText(Buffer.from('\ufeffGröße 😀'))).toStrictEqual({ text: 'Größe 😀' });
    expect(readJsonBytes(Buffer.from('\ufeff{"n":12}'))).toStrictEqual({ value: { n: 12 } });
  });

  it.each([
    ['UTF-16 (little endian)', Buffer.from('\ufeffa: 1', 'utf16le')],
    ['UTF-16 (big endian)', Buffer.from('\ufeffa: 1', 'utf16le').swap16()],
    ['UTF-16 (little endian, without a mark)', Buffer.from('a: 1', 'utf16le')],
    ['UTF-16 (big endian, without a mark)', Buffer.from('a: 1', 'utf16le').swap16()],
  ])('of %s are refused by that name', (name, bytes) => {
    expect(readText(bytes).problem?.message).toBe(`the text is encoded as ${name}`);
  });

  it('of Latin-1 are refused where the first of its letters stands', () => {
    expect(readText(Buffer.from('a: 1\nb: Größe', 'latin1')).problem).toMatchObject({
      message: expect.stringContaining('0xF6'),
      line: 2,
      column: 6,
    });
    const both = Buffer.concat([Buffer.from('a: \ufffd\n'), Buffer.from('ß', 'latin1')]);
    expect(readText(both).problem).toMatchObject({ line: 2, column: 1 });
    expect(readText(Buffer.from('a\nb\0')).problem).toMatchObject({ line: 2, column: 2 });
    expect(readText(Buffer.from([0x61, 0xe2, 0x82])).problem).toMatchObject({ line: 1, column: 2 });
  });
});
