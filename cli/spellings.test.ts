import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactorOf } from './spellings.ts';

const secret = `it's "50%" of Zoë & <co>/+x\\y`;
/** A mark, and what stands around a spelling. */
const AROUND = /^b?["'\\$]*•••(?:=|%3D)*["'\\]*\s*$/;
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

  it('leaves short ones, and is nothing where there is nothing', () => {
    expect(redactorOf(['abc', ''])).toBeUndefined();
    expect(redactorOf(['abcd', 'abcdef', 'no'])?.text('abcdef abcd no')).toBe('••• ••• no');
  });
});
