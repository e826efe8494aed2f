import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requires } from '../tests/requires.ts';
import { makeToken, readToken } from './token.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-token-'));
  file = join(folder, 'token');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const GOOD = 'x'.repeat(43);

describe('the token of a data folder', () => {
  it('is made once, of 256 bits, and is for its owner alone', () => {
    expect(readToken(folder)).toBeNull();
    const token = makeToken(folder);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(makeToken(folder)).toBe(token);
    expect(readToken(folder)).toBe(token);
    expect(readFileSync(file, 'utf8')).toBe(`${token}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is nobody’s that stands behind a link, is no file, or is too short to be one', () => {
    writeFileSync(join(folder, 'elsewhere'), GOOD, { mode: 0o600 });
    symlinkSync(join(folder, 'elsewhere'), file);
    expect(() => readToken(folder)).toThrow('cannot be read');
    rmSync(file);
    mkdirSync(file, { mode: 0o700 });
    expect(() => readToken(folder)).toThrow('is no file');
    rmSync(file, { recursive: true });
    writeFileSync(file, 'secret', { mode: 0o600 });
    expect(() => makeToken(folder)).toThrow('must hold one word');
    expect(readFileSync(file, 'utf8')).toBe('secret');
  });
});

requires(
  'root',
  process.getuid?.() === 0,
  'files of other users can be made by root only',
)('files of others', () => {
  it('are no token, unless root looks after the folder of a service', () => {
    writeFileSync(file, GOOD, { mode: 0o600 });
    chownSync(file, 65_534, 65_534);
    expect(() => readToken(folder)).toThrow('belongs to user 65534');
    chownSync(folder, 65_534, 65_534);
    expect(readToken(folder)).toBe(GOOD);
  });
});
