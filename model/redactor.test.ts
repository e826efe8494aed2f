import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Redactor } from './redactor.ts';

const MARK = '•••';

/** The rule in its plainest form: every character that any occurrence covers, and one mark for each stretch. */
function plainly(text: string, secrets: readonly string[]): string {
  const covered = Array.from({ length: text.length }, () => false);
  const touching = new Set<number>();
  for (const secret of secrets) {
    for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + 1)) {
      covered.fill(true, at, at + secret.length);
      touching.add(at);
    }
  }
  let clean = '';
  for (let at = 0; at < text.length; at += 1) {
    if (covered[at] !== true) clean += text[at];
    else if (covered[at - 1] !== true) clean += MARK;
  }
  return clean;
}

function inPieces(redactor: Redactor, pieces: readonly string[]): string {
  const stream = redactor.stream();
  return pieces.map((piece) => stream.write(piece)).join('') + stream.end();
}

/** Two secrets that touch at a cut have a mark each. */
function marks(text: string): string {
  return text.replaceAll(/(?:•••)+/g, MARK);
}

const few = (length: number) =>
  fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: length });
const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 9 }), {
  maxLength: 12,
});

describe('a redactor', () => {
  it('blacks out every occurrence, however they overlap and however the text is cut', () => {
    fc.assert(
      fc.property(fc.array(few(6), { minLength: 1, maxLength: 6 }), pieces, (secrets, parts) => {
        const redactor = new Redactor(secrets);
        const wanted = plainly(parts.join(''), secrets);
        expect(redactor.text(parts.join(''))).toBe(wanted);
        expect(marks(inPieces(redactor, parts))).toBe(wanted);
      }),
      { numRuns: 2_000 },
    );
  });

  it('goes on where another stream stopped', () => {
    fc.assert(
      fc.property(fc.array(few(6), { minLength: 1, maxLength: 6 }), pieces, (secrets, parts) => {
        const redactor = new Redactor(secrets);
        const first = redactor.stream();
        const before = parts.map((part) => first.write(part)).join('');
        const text = parts.join('');
        const next = redactor.stream(first.covered);
        const after = next.write(text.slice(text.length - first.held)) + next.end();
        expect(marks(before + after)).toBe(plainly(text, secrets));
      }),
      { numRuns: 2_000 },
    );
  });

  it('blacks out a secret of which any characters are escaped, however the text is cut', () => {
    const percent = (character: string) =>
      [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    const unicode = (character: string) =>
      character
        .split('')
        .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join('');
    const ways: readonly ((character: string) => string)[] = [
      percent,
      (character) => percent(character).replaceAll(/%../g, (code) => code.toUpperCase()),
      unicode,
      (character) => unicode(character).replaceAll('\\', String.raw`\\`),
      (character) => `&#${character.codePointAt(0)};`,
    ];
    const character = fc.constantFrom('a', 'Z', '0', '/', '+', '=', '-', ' ', 'ä', '€', '😀');
    const escapes = fc.array(fc.boolean(), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(character, { minLength: 4, maxLength: 12 }),
        fc.constantFrom(...ways),
        escapes,
        fc.array(fc.nat({ max: 200 }), { maxLength: 4 }),
        (secret, way, isEscaped, cuts) => {
          const redactor = new Redactor([secret.join('')]);
          const spelt = secret.map((each, at) => (isEscaped[at] === true ? way(each) : each));
          const text = `<${spelt.join('')}>`;
          expect(redactor.text(text)).toBe(`<${MARK}>`);
          const borders = [0, ...cuts.toSorted((a, b) => a - b), text.length];
          const parts = borders.slice(1).map((to, at) => text.slice(borders[at], to));
          expect(inPieces(redactor, parts)).toBe(`<${MARK}>`);
          // Another node continues it at any cut.
          let stream = redactor.stream();
          let given = '';
          borders.slice(1).forEach((to, at) => {
            given += stream.write(text.slice(borders[at], to));
            const { held, covered } = stream;
            stream = redactor.stream(covered);
            given += stream.write(text.slice(to - held, to));
          });
          expect(given + stream.end()).toBe(`<${MARK}>`);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('holds no whole line back for what may be base64 or an escape', () => {
    const letters = Array.from({ length: 100 }, (_, n) =>
      Buffer.from(`secret ${n * 7_919}`).toString('base64'),
    );
    const stream = new Redactor(['secret'], letters).stream();
    for (const text of [
      'listening on port 8085\n',
      'abc Y\n',
      'progress 50%\n',
      ' & more &\n',
      ' C:\\\n',
    ])
      expect(stream.write(text)).toBe(text);
    expect(stream.write(` ${letters[7]?.slice(0, 9)}`)).toBe(' ');
    expect(stream.write(`\n  ${letters[7]?.slice(9)}.`)).toBe('•••.');
  });

  it.each([
    ['after a backslash in JSON', 'n@w/"pass1', JSON.stringify('CORP\\n@w/"pass1')],
    ['after a backslash in a URL', 'n@w/pass1', encodeURIComponent('CORP\\n@w/pass1')],
    ['after a percent sign in a URL', '41secret/', encodeURIComponent('100%41secret/')],
    ['after an ampersand in HTML', 'lt;sec<ret', '&amp;lt;sec&lt;ret'],
    ['before digits in a URL', 'ab/cdef%', encodeURIComponent('ab/cdef%41 x')],
    ['with escapes of its own in JSON', 'a\\b\\c', JSON.stringify('a\\b\\c')],
    ['of nothing but escapes', '%41%42%43', encodeURIComponent('%41%42%43')],
  ])('finds a secret %s', (_where, secret, text) => {
    const clean = new Redactor([secret]).text(text);
    expect(clean).toContain('•••');
    expect(clean).not.toMatch(/pass|secret|sec|cdef|b|%2542/);
  });

  it('minds capital letters', () => {
    const redactor = new Redactor(['TEST', 'Prod']);
    const text = 'the latest test of production: Test, PROD';
    expect(redactor.text(text)).toBe(text);
  });

  it('holds back what may become a secret, and nothing else', () => {
    const stream = new Redactor(['planted-secret']).stream();
    expect(stream.write('a plan')).toBe('a ');
    expect(stream.held).toBe(4);
    expect(stream.write('e, and planted')).toBe('plane, and ');
    expect(stream.write('-secret')).toBe(MARK);
    expect(stream.held).toBe(0);
    expect(stream.write('planted-secre')).toBe('');
    expect(stream.end()).toBe('planted-secre');
  });

  it('never holds back more than the longest secret', () => {
    const stream = new Redactor(['0000', '00000000']).stream();
    for (let n = 0; n < 100; n += 1) {
      stream.write('0'.repeat(1_000));
      expect(stream.held).toBeLessThan(8);
    }
  });

  it('leaves a value as it is where nothing stands in it, and finds the depths', () => {
    const redactor = new Redactor(['hunter2', '4711']);
    const plain = { a: [1, 'x', { b: null }], c: true };
    expect(redactor.value(plain)).toBe(plain);
    expect(redactor.value({ a: ['x hunter2', { hunter2: 47114 }], n: 12, c: true })).toEqual({
      a: ['x •••', { '•••': '•••4' }],
      n: 12,
      c: true,
    });
  });

  it('finds one of hundreds that begin alike', () => {
    const secrets = Array.from({ length: 500 }, (_, n) => `${'secret'.repeat(40)}-${n}`);
    const redactor = new Redactor(secrets);
    expect(redactor.text(`x${secrets[499] ?? ''}y`)).toBe('x•••y');
  });
});
