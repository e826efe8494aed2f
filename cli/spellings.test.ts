import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactorOf } from './spellings.ts';

const secret = `it's "50%" of Zoë & <co>/+x\\y`;
/** One mark, and what a program puts around a text: nothing of the text itself. */
const AROUND = /^[^•]{0,30}•••[^•]{0,40}$/;
const OF_TEXT = /Zo|50|co>|much|more|base64/;
const clean = (text: string) => redactorOf([secret])?.text(text) ?? text;

describe('spellings', () => {
  it.each([
    ['plain', secret],
    ['JSON', JSON.stringify({ secret })],
    ['JSON in JSON', JSON.stringify(JSON.stringify({ secret }))],
    ['a path', `http://h/${encodeURIComponent(secret)}`],
    ['a form', new URLSearchParams({ secret }).toString()],
    ['base64', Buffer.from(secret).toString('base64')],
    ['base64 for URLs', Buffer.from(secret).toString('base64url')],
    ['the wrong encoding', Buffer.from(secret, 'latin1').toString('utf8')],
    [
      'python',
      execFileSync('python3', ['-c', 'import json,sys; print(json.dumps(sys.argv[1]))', secret], {
        encoding: 'utf8',
      }),
    ],
    [
      'a shell that traces',
      execFileSync('sh', ['-c', 'set -x; exec 2>&1; : "$1"', 'sh', secret], { encoding: 'utf8' }),
    ],
  ])('%s', (_name, text) => {
    expect(clean(text)).toContain('•••');
    expect(clean(text)).not.toMatch(/Zo|50|co>/);
  });

  it.each([
    ['a URL of Python', 'import sys,urllib.parse as u; print(u.quote(sys.argv[1]))'],
    [
      'a URL that keeps more',
      'import sys,urllib.parse as u; print(u.quote(sys.argv[1], safe="/=&"))',
    ],
    ['a form of Python', 'import sys,urllib.parse as u; print(u.quote_plus(sys.argv[1]))'],
    ['a URL in a URL', 'import sys,urllib.parse as u; print(u.quote(u.quote(sys.argv[1])))'],
    ['JSON in JSON in ASCII', 'import json,sys; print(json.dumps(json.dumps(sys.argv[1])))'],
    ['bytes', 'import sys; print(sys.argv[1].encode())'],
    ['ASCII', 'import sys; print(ascii(sys.argv[1]))'],
    ['HTML', 'import html,sys; print(html.escape(sys.argv[1]))'],
    [
      'XML of numbers',
      'import sys; print(sys.argv[1].encode("ascii", "xmlcharrefreplace").decode())',
    ],
    [
      'a URL of JSON',
      'import json,sys,urllib.parse as u; print(u.quote(json.dumps({"p": sys.argv[1]})))',
    ],
    ['HTML of JSON', 'import html,json,sys; print(html.escape(json.dumps({"p": sys.argv[1]})))'],
    ['HTML of HTML', 'import html,sys; print(html.escape(html.escape(sys.argv[1])))'],
    ['JSON in a list that is printed', 'import json,sys; print([json.dumps({"p": sys.argv[1]})])'],
    ['a form in a URL', 'import sys,urllib.parse as u; print(u.quote(u.quote_plus(sys.argv[1])))'],
    ['CSV', 'import csv,sys; csv.writer(sys.stdout).writerow([sys.argv[1]])'],
    ['SQL', 'import sys; print(chr(39) + sys.argv[1].replace(chr(39), chr(39) * 2) + chr(39))'],
    ['a shell in a shell', 'import shlex,sys; print(shlex.quote("x " + shlex.quote(sys.argv[1])))'],
    ['a shell in JSON', 'import json,shlex,sys; print(json.dumps(shlex.quote(sys.argv[1])))'],
    [
      'base64 of JSON',
      'import base64,json,sys; print(base64.b64encode(json.dumps({"p": sys.argv[1]}).encode()).decode())',
    ],
    [
      'base64 that is folded',
      'import base64,sys; b=base64.b64encode(sys.argv[1].encode()).decode(); print("\\n ".join(b[i:i+11] for i in range(0, len(b), 11)))',
    ],
    [
      'lines of base64 in JSON',
      'import base64,json,sys; print(json.dumps(base64.encodebytes(sys.argv[1].encode()).decode()))',
    ],
    ['digits with colons', 'import sys; print(sys.argv[1].encode().hex(":"))'],
    ['a literal of PostgreSQL', 'import sys; print(chr(92) + "x" + sys.argv[1].encode().hex())'],
    [
      'quoted-printable',
      'import quopri,sys; print(quopri.encodestring(sys.argv[1].encode()).decode().replace("=" + chr(10), ""))',
    ],
    [
      'references with zeros',
      'import sys; print("".join("&#%05d;" % ord(c) for c in sys.argv[1]))',
    ],
    ['hexadecimal digits', 'import sys; print(sys.argv[1].encode().hex())'],
    [
      'lines of base64',
      'import base64,sys; print(base64.encodebytes(sys.argv[1].encode()*1).decode())',
    ],
    [
      'base64 in a URL',
      'import base64,sys,urllib.parse as u; print(u.quote(base64.b64encode(sys.argv[1].encode()), safe=""))',
    ],
  ])('%s', (_name, program) => {
    const long = `${secret} and much more of it, up to the second line of base64, ${secret}`;
    const text = execFileSync('python3', ['-c', program, long], { encoding: 'utf8' });
    const left = redactorOf([long])?.text(text) ?? '';
    expect(left).toMatch(AROUND);
    expect(left).not.toMatch(OF_TEXT);
  });

  it('quoted word by word for a shell', () => {
    const text = execFileSync('bash', ['-c', 'printf "%q\n" "$1"', 'bash', secret], {
      encoding: 'utf8',
    });
    expect(clean(text)).toMatch(AROUND);
  });

  it('in base64, wherever it begins and whatever stands around it', () => {
    const bytes = fc.uint8Array({ maxLength: 9 });
    const long = 'planted-secret-4711';
    const redactor = redactorOf([long]);
    fc.assert(
      fc.property(bytes, bytes, (before, after) => {
        const text = Buffer.concat([before, Buffer.from(long), after]).toString('base64');
        const left = redactor?.text(text) ?? '';
        const [head = '', tail = '', ...more] = left.split('•••');
        expect(more).toEqual([]);
        // What is left of it says nothing but a few bits of its first and its last letter.
        expect(Buffer.from(head, 'base64').length).toBeLessThanOrEqual(before.length + 1);
        expect(tail.length).toBeLessThanOrEqual(Math.ceil(((after.length + 1) * 8) / 6) + 3);
      }),
    );
  });

  it('a key of several lines line by line, but not what all keys have', () => {
    const line = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC';
    const key = `-----BEGIN PRIVATE KEY-----\n${line}\n{\n-----END PRIVATE KEY-----`;
    const redactor = redactorOf([key]);
    expect(redactor?.text(key)).toBe('•••');
    expect(redactor?.text(key.replaceAll('\n', '\r\n'))).toBe('•••');
    expect(redactor?.text(`x ${line}\n{\n-----BEGIN PRIVATE KEY-----`)).toBe(
      'x •••\n{\n-----BEGIN PRIVATE KEY-----',
    );
  });

  it('takes no digits for letters of another alphabet', () => {
    expect(redactorOf(['абвг', 'пароль'])?.text('0123 456 ?0@>;L')).toBe('0123 456 ?0@>;L');
  });

  it('leaves short ones, and is nothing where there is nothing', () => {
    expect(redactorOf(['abc', ''])).toBeUndefined();
    expect(redactorOf(['abcd', 'abcdef', 'no'])?.text('abcdef abcd no')).toBe('••• ••• no');
  });
});
