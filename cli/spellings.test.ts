import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactorOf } from './spellings.ts';

const secret = `it's "50%" of Zoë & <co>/+x\\y`;
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
