import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { secretSource } from './secrets.ts';

const data = mkdtempSync(join(tmpdir(), 'tutti-secrets-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));
mkdirSync(join(data, 'secrets'));
const file = (name: string) => join(data, 'secrets', name);
function keep(name: string, text: string | Buffer, mode = 0o600): void {
  writeFileSync(file(name), text);
  chmodSync(file(name), mode);
}
const find = secretSource(undefined, data, '/', { TUTTI_SECRET_SHOP_HOOK: 'from-environment' });
const message = (name: string) => {
  const found = find(name);
  return 'message' in found ? `${found.message} ${found.hint}` : `found: ${found.value}`;
};

describe('a secret', () => {
  it('comes from the environment, else from a file without its last line end', () => {
    keep('shop-hook', 'from-file\n');
    keep('key', ' a\nb \r\n', 0o400);
    expect(find('shop-hook')).toEqual({ value: 'from-environment' });
    expect(find('key')).toEqual({ value: ' a\nb ' });
    symlinkSync(file('key'), file('linked'));
    expect(find('linked')).toEqual({ value: ' a\nb ' });
  });

  it('is refused where it is not one', () => {
    keep('open', 'hunter2-open', 0o640);
    expect(message('open')).toMatch(/Other users can read .*mode 640.*chmod 600/);
    mkdirSync(file('folder'));
    expect(message('folder')).toContain('is not a file');
    execFileSync('mkfifo', ['-m', '600', file('pipe')]);
    expect(message('pipe')).toContain('is not a file');
    keep('large', 'x'.repeat(70_000));
    expect(message('large')).toContain('70000 bytes');
    keep('binary', Buffer.from([0xff, 0xfe, 1, 2, 3]));
    expect(message('binary')).toContain('not text in UTF-8');
    keep('nul', 'hunter2\0x');
    expect(message('nul')).toContain('not text in UTF-8');
    keep('short', 'abc\n');
    expect(message('short')).toContain('fewer than 4 characters');
    keep('empty', '');
    expect(message('empty')).toContain('fewer than 4 characters');
    expect(message('absent')).toMatch(/no secret absent.*TUTTI_SECRET_ABSENT.*secrets\/absent/);
    if (process.getuid?.() !== 0) return;
    keep('foreign', 'hunter2-foreign');
    chownSync(file('foreign'), 65_534, 65_534);
    expect(message('foreign')).toContain('belongs to another user (uid 65534, not 0)');
  });

  it('has a folder that is there, when somebody names one', () => {
    expect(() => secretSource('/nowhere', data, '/', {})).toThrow('no folder of secrets /nowhere');
    expect(() => secretSource(undefined, data, '/', { TUTTI_SECRETS: 'no' })).toThrow('/no.');
  });
});
